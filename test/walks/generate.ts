import fc, { type Arbitrary } from 'fast-check'
import type { ClientName, FlowChoice, FlowName, Json, JsonObject, Step, Walk } from './steps.js'

const FLOWS: FlowName[] = ['registration', 'login', 'settings', 'recovery', 'verification']
const client = fc.constantFrom<ClientName>('app', 'app', 'spa', 'html')
const person = fc.constantFrom(1, 1, 1, 2)

const sometimes = <T>(arbitrary: Arbitrary<T>, freq = 6): Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined, freq })
/** A value that is mostly the first. */
const mostly = <T>(usual: T, ...others: T[]): Arbitrary<T> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) })

const traits = (person: number): Arbitrary<Json> => fc.record<Record<string, Json | undefined>>({
  email: mostly<Json | undefined>(`$email:${person}`, `$shouted:${person}`, `$blank:${person}`, 'no-address', '', 7, undefined),
  name: sometimes(mostly<Json>('Ada', 'Ada99', 'A name that is too long', { first: 'Ada' }, { last: 'L' }, 5, null), 3),
  user: sometimes(mostly<Json>(`$user:${person}`, 'abc', `$email:${person}`), 4),
  phone: sometimes(mostly<Json>(`$phone:${person}`, '123', '07700 900123'), 4),
  age: sometimes(fc.constantFrom<Json>(30, '31', -1, 200, 1.5, 'x'), 8),
  news: sometimes(fc.constantFrom<Json>(true, 'true', 'yes', 0), 8),
  color: sometimes(fc.constantFrom<Json>('red', 'blue'), 8),
  site: sometimes(fc.constantFrom<Json>('https://ada.test', 'not a site'), 8),
  extra: sometimes(fc.constant<Json>('x'), 12),
}).map(withoutGaps)

const withoutGaps = (fields: Record<string, Json | undefined>): JsonObject =>
  Object.fromEntries(Object.entries(fields).filter((pair): pair is [string, Json] => pair[1] !== undefined))

const password = mostly('$password', '$other', 'short', '', `$email:1`, 'x'.repeat(73), undefined)
const identifier = (person: number): Arbitrary<Json | undefined> =>
  mostly<Json | undefined>(`$email:${person}`, `$shouted:${person}`, `$blank:${person}`, `$user:${person}`, `$phone:${person}`, '$email:3', '', undefined, 12)
const code = (person: number): Arbitrary<Json | undefined> => mostly<Json | undefined>(`$code:${person}`, '000000', '12345', '', undefined)
const totp = mostly<Json | undefined>('$totp', '000000', 'abc', '', undefined)
const lookup = mostly<Json | undefined>('$lookup:0', '$lookup:1', 'wrong', '')

/** No credential, in several ways. */
const credential = fc.constantFrom<Json>('', '{}', 'x', '{"id":"a"}', '{"id":"YQ","rawId":"YQ","type":"public-key","response":{}}', 'null')

type Fields = Arbitrary<Record<string, Json | undefined>>
const record = (model: Record<string, Arbitrary<Json | undefined>>): Fields => fc.record(model)
const just = <T extends Json>(value: T): Arbitrary<T> => fc.constant(value)

/** What a client sends in a flow; each is mostly right. */
const SUBMITS: Record<FlowName, (person: number) => Fields[]> = {
  registration: (person) => [
    record({ method: just('password'), password, traits: traits(person) }),
    record({ method: just('password'), password, traits: traits(person) }),
    record({ method: just('profile'), traits: traits(person), screen: sometimes(just('credential-selection'), 3) }),
    record({ method: just('profile'), screen: just('previous'), traits: traits(person) }),
    record({ method: just('code'), traits: traits(person) }),
    record({ method: just('code'), traits: traits(person), code: code(person) }),
    record({ method: just('code'), traits: traits(person), resend: just('code') }),
    record({ method: just('passkey'), traits: traits(person), passkey_register: sometimes(credential, 3) }),
    record({ method: just('webauthn'), traits: traits(person), webauthn_register: sometimes(credential, 3), webauthn_register_displayname: just('key') }),
  ],
  login: (person) => [
    record({ method: just('password'), identifier: identifier(person), password }),
    record({ method: just('password'), identifier: identifier(person), password }),
    record({ method: just('identifier_first'), identifier: identifier(person) }),
    record({ method: just('code'), identifier: identifier(person), address: sometimes(just(`$email:${person}`), 4) }),
    record({ method: just('code'), identifier: identifier(person), code: code(person) }),
    record({ method: just('code'), identifier: identifier(person), resend: just('code') }),
    record({ method: just('totp'), totp_code: totp }),
    record({ method: just('lookup_secret'), lookup_secret: lookup }),
    record({ method: just('passkey'), passkey_login: credential }),
    record({ method: just('webauthn'), identifier: identifier(person), webauthn_login: sometimes(credential, 3) }),
  ],
  settings: (person) => [
    record({ method: just('profile'), traits: traits(person) }),
    record({ method: just('password'), password }),
    record({ method: just('totp'), totp_code: totp }),
    record({ method: just('totp'), totp_unlink: mostly<Json>(true, 'false') }),
    record({ method: just('lookup_secret'), lookup_secret_regenerate: just(true) }),
    record({ method: just('lookup_secret'), lookup_secret_confirm: just(true) }),
    record({ method: just('lookup_secret'), lookup_secret_reveal: just(true) }),
    record({ method: just('lookup_secret'), lookup_secret_disable: just(true) }),
    record({ method: just('passkey'), passkey_settings_register: credential }),
    record({ method: just('passkey'), passkey_remove: just('abc') }),
    record({ method: just('webauthn'), webauthn_register: credential }),
    record({ method: just('webauthn'), webauthn_remove: just('abc') }),
    record({ traits: traits(person) }),
    record({ password }),
    record({ method: just('oidc'), link: just('nobody') }),
    record({ unlink: just('nobody') }),
  ],
  recovery: (person) => [
    record({ method: just('code'), email: identifier(person) }),
    record({ method: just('code'), code: code(person) }),
    record({ method: just('link'), email: identifier(person) }),
  ],
  verification: (person) => [
    record({ method: just('code'), email: identifier(person) }),
    record({ method: just('code'), code: code(person) }),
    record({ method: just('link'), email: identifier(person) }),
  ],
}

/** What is there too, or wrong, now and then. */
const ODD: Arbitrary<Record<string, Json | undefined>> = fc.oneof(
  { weight: 14, arbitrary: fc.constant({}) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Record<string, Json | undefined>>(
      { method: undefined }, { method: 'nonsense' }, { method: '' }, { method: 'oidc' }, { method: 'webauthn' }, { method: 'totp' },
      { csrf_token: 'wrong' }, { csrf_token: '' }, { transient_payload: { a: 1 } }, { transient_payload: 'x' }, { unknown: 'x' },
      { traits: 'x' }, { traits: [] }, { password: 12345678 }, { identifier: null }, { code: 123456 }, { code: null }, { email: [] },
      { provider: 'google' }, { resend: 'code' },
    ),
  },
)

const clean = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as T

const HEADERS = fc.constantFrom<Record<string, string>>(
  { accept: '*/*' }, { accept: 'text/html' }, { accept: 'application/json, text/plain, */*' }, { accept: 'application/*' },
  { 'content-type': 'text/plain' }, { 'content-type': 'application/json; charset=utf-8' }, { 'content-type': 'multipart/form-data' },
  { origin: 'https://app.test' }, { cookie: 'a=b' }, { 'x-session-token': 'ory_st_wrong' }, { authorization: 'Bearer ory_st_wrong' },
  { 'x-request-id': 'a-request' }, { 'user-agent': 'a browser' }, { 'x-csrf-token': 'x' },
)

function submitOf (as: ClientName, flow: FlowName, person: number): Arbitrary<Step> {
  return fc.record({
    fields: fc.tuple(fc.oneof(...SUBMITS[flow](person)), ODD).map(([fields, odd]) => withoutGaps({ ...fields, ...odd })),
    form: sometimes(fc.constant(true as const)),
    id: sometimes(fc.constantFrom<FlowChoice>('previous', 'previous', 'unknown', 'malformed', 'none'), 30),
    anonymous: sometimes(fc.constant(true as const), 40),
    headers: sometimes(HEADERS, 25),
    raw: sometimes(fc.constantFrom('', '{', '[]', 'null', '{"method":"password"} x', 'method=password&identifier=%zz'), 60),
  }).map((more) => clean({ do: 'submit', as, flow, ...more }) as Step)
}

const returnTo = fc.constantFrom('http://app.test/after', 'https://also.test/path/x', 'https://evil.test/', '/relative', '%', 'http://app.test.evil.test')
const queryOf = (flow: FlowName): Arbitrary<Record<string, string>> => fc.record({
  return_to: sometimes(returnTo, 5),
  refresh: flow === 'login' ? sometimes(fc.constantFrom('true', 'false', 'x'), 4) : fc.constant(undefined),
  aal: flow === 'login' ? sometimes(fc.constantFrom('aal2', 'aal2', 'aal1', 'x'), 3) : fc.constant(undefined),
  return_session_token_exchange_code: sometimes(fc.constant('true'), 15),
  identity_schema: sometimes(fc.constantFrom('default', 'other', 'unknown', ''), 15),
  organization: sometimes(fc.constantFrom('00000000-0000-4000-8000-000000000000', 'x'), 40),
  login_challenge: sometimes(fc.constantFrom('x', ''), 40),
  after_verification_return_to: flow === 'registration' ? sometimes(returnTo, 8) : fc.constant(undefined),
  code: flow === 'verification' || flow === 'recovery' ? sometimes(fc.constantFrom('123456', '$code:1'), 8) : fc.constant(undefined),
  token: flow === 'verification' || flow === 'recovery' ? sometimes(fc.constant('abc'), 15) : fc.constant(undefined),
  via: flow === 'login' ? sometimes(fc.constantFrom('email', '$email:1'), 8) : fc.constant(undefined),
}).map((query) => clean(query) as Record<string, string>)

function openOf (as: ClientName, flow: FlowName): Arbitrary<Step> {
  return fc.record({ query: sometimes(queryOf(flow), 2), anonymous: sometimes(fc.constant(true as const), 25), headers: sometimes(HEADERS, 20) })
    .map((more) => clean({ do: 'open', as, flow, ...more }) as Step)
}

/** Only settings and a second factor are for those who are logged in, so the client often forgets its session first. */
const stranger = (as: ClientName, flow: FlowName): Arbitrary<Step[]> =>
  flow === 'settings' ? fc.constant([]) : fc.constantFrom<Step[]>([{ do: 'forget', as }], [])

/** A flow from its beginning, with one to four submits. */
const visit: Arbitrary<Step[]> = fc.tuple(client, fc.constantFrom<FlowName>('registration', 'login', 'login', 'settings', 'settings', 'recovery', 'verification'), person)
  .chain(([as, flow, person]) => fc.tuple(stranger(as, flow), openOf(as, flow), fc.array(submitOf(as, flow, person), { minLength: 1, maxLength: 4 })))
  .map(([before, open, submits]) => [...before, open, ...submits])

const registered = (as: ClientName, person: number): Step[] => [
  { do: 'open', as, flow: 'registration' },
  { do: 'submit', as, flow: 'registration', fields: { method: 'password', password: '$password', traits: { email: `$email:${person}`, name: 'Ada' } } },
]
const JOURNEYS: Array<(as: ClientName, person: number) => Step[]> = [
  registered,
  (as, person) => [
    { do: 'open', as, flow: 'login' },
    { do: 'submit', as, flow: 'login', fields: { method: 'password', identifier: `$email:${person}`, password: '$password' } },
  ],
  (as) => [
    { do: 'open', as, flow: 'settings' },
    { do: 'submit', as, flow: 'settings', fields: { method: 'totp', totp_code: '$totp' } },
  ],
  (as) => [
    { do: 'open', as, flow: 'settings' },
    { do: 'submit', as, flow: 'settings', fields: { method: 'lookup_secret', lookup_secret_regenerate: true } },
    { do: 'submit', as, flow: 'settings', fields: { method: 'lookup_secret', lookup_secret_confirm: true } },
  ],
  (as, person) => [
    { do: 'open', as, flow: 'recovery' },
    { do: 'submit', as, flow: 'recovery', fields: { method: 'code', email: `$email:${person}` } },
    { do: 'submit', as, flow: 'recovery', fields: { method: 'code', code: `$code:${person}` } },
  ],
  (as, person) => [
    { do: 'open', as, flow: 'recovery' },
    { do: 'submit', as, flow: 'recovery', fields: { method: 'link', email: `$email:${person}` } },
    { do: 'link', as, person },
  ],
  (as, person) => [
    { do: 'open', as, flow: 'verification' },
    { do: 'submit', as, flow: 'verification', fields: { method: 'code', email: `$email:${person}` } },
    { do: 'submit', as, flow: 'verification', fields: { method: 'code', code: `$code:${person}` } },
  ],
  (as) => [
    { do: 'open', as, flow: 'login', query: { aal: 'aal2' } },
    { do: 'submit', as, flow: 'login', fields: { method: 'totp', totp_code: '$totp' } },
  ],
]
const journey: Arbitrary<Step[]> = fc.tuple(fc.constantFrom(...JOURNEYS), client, person)
  .map(([make, as, person]) => make(as, person))
  .chain((steps) => {
    const [first] = steps
    const isForStrangers = first?.do === 'open' && first.query === undefined
    return isForStrangers ? stranger(first.as, first.flow).map((before) => [...before, ...steps]) : fc.constant(steps)
  })

const CALLS: Array<[string, string, Json?]> = [
  ['GET', '/sessions/whoami'], ['GET', '/sessions/whoami'], ['GET', '/sessions'], ['DELETE', '/sessions'],
  ['GET', '/sessions?page_size=1'], ['GET', '/self-service/errors?id=stub:500'], ['GET', '/schemas/default'],
  ['DELETE', '/sessions/$id:1'], ['POST', '/self-service/login'], ['GET', '/self-service/settings'], ['GET', '/nowhere'],
  ['DELETE', '/sessions/$session'], ['GET', '/sessions/whoami?tokenize_as=none'], ['HEAD', '/sessions/whoami'], ['GET', '/sessions?page_size=0&page_token=x'],
  ['GET', '/self-service/verification?flow=$flow:verification&code=$code:1'], ['GET', '/self-service/recovery?flow=$flow:recovery&code=$code:1'],
  ['GET', '/self-service/verification?flow=$flow:verification&token=abc'], ['GET', '/self-service/recovery?flow=$flow:recovery&token=abc'],
  ['GET', '/self-service/recovery?token=abc'], ['GET', '/self-service/verification?code=$code:1'], ['GET', '/self-service/login?flow=$flow:login'],
  ['GET', '/self-service/registration?flow=$flow:registration'], ['GET', '/self-service/settings?flow=$flow:settings'],
  ['GET', '/self-service/login/flows'], ['GET', '/self-service/registration/flows?id=$flow:login'], ['GET', '/self-service/errors'],
  ['GET', '/self-service/errors?id=$flow:login'], ['GET', '/schemas'], ['GET', '/schemas/none'], ['GET', '/sessions/token-exchange?init_code=a&return_to_code=b'],
  ['GET', '/self-service/logout/browser'], ['GET', '/self-service/logout/browser?return_to=http://app.test/x'], ['GET', '/self-service/logout'], ['GET', '/self-service/logout?token=x'],
  ['DELETE', '/self-service/logout/api', {}], ['DELETE', '/self-service/logout/api', { session_token: 5 }], ['PUT', '/self-service/login'], ['OPTIONS', '/self-service/login/browser'],
  ['POST', '/sessions/whoami'], ['PATCH', '/sessions'], ['GET', '/health/ready'], ['GET', '/version'], ['GET', '/self-service/login/'], ['GET', '/identities'],
  ['GET', '/self-service/methods/oidc/callback/none'], ['POST', '/self-service/logout'], ['GET', '/self-service//login/api'],
]
const call: Arbitrary<Step> = fc.tuple(client, fc.constantFrom(...CALLS))
  .map(([as, [method, path, body]]) => clean({ do: 'call', as, method, path, body }) as Step)

const ADMIN: Array<[string, string, Json?]> = [
  ['GET', '/admin/identities/$id:1'],
  ['GET', '/admin/identities/$id:1?include_credential=password'],
  ['GET', '/admin/identities?credentials_identifier=$email:1'],
  ['GET', '/admin/identities/$id:1/sessions'],
  ['DELETE', '/admin/identities/$id:1/sessions'],
  ['PATCH', '/admin/identities/$id:1', [{ op: 'replace', path: '/state', value: 'inactive' }]],
  ['PATCH', '/admin/identities/$id:1', [{ op: 'replace', path: '/state', value: 'active' }]],
  ['PATCH', '/admin/identities/$id:1', [{ op: 'add', path: '/metadata_public', value: { a: 1 } }]],
  ['PATCH', '/admin/identities/$id:1', [{ op: 'replace', path: '/traits/email', value: 'x' }]],
  ['PUT', '/admin/identities/$id:1', { schema_id: 'default', state: 'active', traits: { email: '$email:1' } }],
  ['DELETE', '/admin/identities/$id:1'],
  ['DELETE', '/admin/identities/$id:1/credentials/totp'],
  ['POST', '/admin/identities', { schema_id: 'default', traits: { email: '$email:1' } }],
  ['POST', '/admin/identities', { schema_id: 'default', traits: { email: '$email:2' }, credentials: { password: { config: { password: '$password' } } } }],
  ['POST', '/admin/identities', { schema_id: 'default', traits: { email: '$email:2' }, verifiable_addresses: [{ value: '$email:2', verified: true, via: 'email', status: 'completed' }] }],
  ['POST', '/admin/identities', { schema_id: 'default', traits: { email: 'x', name: 'Ada99' } }],
  ['GET', '/admin/identities/$id:1?include_credential=totp&include_credential=oidc'], ['GET', '/admin/identities/x'],
  ['GET', '/admin/identities?ids=$id:1&ids=$id:2'], ['GET', '/admin/identities?credentials_identifier=nobody'], ['GET', '/admin/identities?page_size=1001'],
  ['GET', '/admin/sessions/$session'], ['GET', '/admin/sessions/$session?expand=identity&expand=devices'], ['GET', '/admin/sessions/x'],
  ['PATCH', '/admin/sessions/$session/extend'], ['DELETE', '/admin/sessions/$session'], ['GET', '/admin/identities/$id:1/sessions?active=true'],
  ['GET', '/admin/identities/$id:1/sessions?active=x'], ['DELETE', '/admin/identities/$id:1/credentials/password'],
  ['DELETE', '/admin/identities/$id:1/credentials/lookup_secret'], ['DELETE', '/admin/identities/$id:1/credentials/code'],
  ['DELETE', '/admin/identities/$id:1/credentials/nonsense'], ['DELETE', '/admin/identities/$id:1/credentials/oidc?identifier=x'],
  ['PATCH', '/admin/identities/$id:1', [{ op: 'remove', path: '/traits/name' }]], ['PATCH', '/admin/identities/$id:1', {}],
  ['PATCH', '/admin/identities/$id:1', [{ op: 'test', path: '/schema_id', value: 'x' }]], ['PATCH', '/admin/identities/$id:1', [{ op: 'replace', path: '/schema_id', value: 'none' }]],
  ['PATCH', '/admin/identities/$id:1', [{ op: 'add', path: '/traits/email', value: '$email:2' }]],
  ['PUT', '/admin/identities/$id:1', { schema_id: 'default', traits: { email: '$email:1', name: 'Eve' }, metadata_admin: { b: 2 }, external_id: 'ext-$user:1' }],
  ['PUT', '/admin/identities/$id:1', { traits: {} }], ['PUT', '/admin/identities/$id:1', { schema_id: 'default', traits: { email: '$email:1' }, state: 'odd' }],
  ['PUT', '/admin/identities/$id:1', { schema_id: 'default', state: 'active', traits: { email: '$email:1' }, credentials: { password: { config: { password: '$other' } } } }],
  ['POST', '/admin/identities', { schema_id: 'none', traits: {} }], ['POST', '/admin/identities', {}], ['POST', '/admin/identities', { traits: { email: '$shouted:2', user: '$user:2' }, state: 'inactive' }],
  ['POST', '/admin/identities', { schema_id: 'default', traits: { email: '$email:2' }, credentials: { password: { config: { hashed_password: 'x' } } } }],
  ['POST', '/admin/identities', { schema_id: 'default', traits: { email: '$email:2' }, credentials: { password: { config: { hashed_password: '$2a$04$aaaaaaaaaaaaaaaaaaaaaa' } } } }],
  ['POST', '/admin/identities', { schema_id: 'default', traits: { email: '$email:2' }, recovery_addresses: [{ value: '$email:2', via: 'email' }], metadata_public: { a: [1] } }],
  ['PATCH', '/admin/identities', { identities: [{ create: { schema_id: 'default', traits: { email: '$email:2' } } }, { create: { schema_id: 'default', traits: { email: 'x' } } }] }],
  ['GET', '/admin/courier/messages?recipient=$email:1&status=queued'], ['GET', '/admin/courier/messages?status=x'],
  ['GET', '/admin/identities/by/external/ext-$user:1'], ['GET', '/admin/schemas/default'], ['POST', '/admin/recovery/code', { identity_id: '$id:1', expires_in: '1h', flow_type: 'api' }],
  ['POST', '/admin/recovery/code', { identity_id: 'x' }], ['POST', '/admin/recovery/link', { identity_id: '$id:1', expires_in: 'x' }], ['POST', '/admin/recovery/code', {}],
  ['POST', '/admin/recovery/code', { identity_id: '$id:1' }],
  ['POST', '/admin/recovery/link', { identity_id: '$id:1' }],
]
const admin: Arbitrary<Step> = fc.constantFrom(...ADMIN)
  .map(([method, path, body]) => clean({ do: 'admin', method, path, body }) as Step)

const single: Arbitrary<Step> = fc.oneof(
  { weight: 1, arbitrary: client.map((as): Step => ({ do: 'forget', as })) },
  { weight: 3, arbitrary: call },
  { weight: 3, arbitrary: admin },
  { weight: 2, arbitrary: fc.tuple(client, person).map(([as, person]): Step => ({ do: 'link', as, person })) },
  { weight: 2, arbitrary: person.map((person): Step => ({ do: 'mails', person })) },
  { weight: 2, arbitrary: fc.tuple(client, sometimes(fc.constantFrom('ory_lo_wrong', ''), 4), sometimes(returnTo, 4)).map(([as, token, target]) => clean({ do: 'logout', as, token, query: target === undefined ? undefined : { return_to: target } }) as Step) },
  { weight: 2, arbitrary: fc.tuple(client, fc.constantFrom(...FLOWS), sometimes(fc.constantFrom<FlowChoice>('previous', 'unknown', 'malformed', 'none'), 3)).map(([as, flow, id]) => clean({ do: 'fetch', as, flow, id }) as Step) },
  { weight: 2, arbitrary: fc.tuple(client, fc.constantFrom(...FLOWS), person).chain(([as, flow, person]) => submitOf(as, flow, person)) },
)

/** Everything that the walks of one client are made of. Most walks have one client, so that its flows go on. */
const part: Arbitrary<Step[]> = fc.oneof(
  { weight: 5, arbitrary: visit },
  { weight: 4, arbitrary: journey },
  { weight: 3, arbitrary: single.map((step) => [step]) },
)
const asOne = (as: ClientName, steps: Step[]): Step[] => steps.map((step) => 'as' in step ? { ...step, as } : step)

/** Walks start with somebody who is registered, mostly, so that later steps mean something. */
export const walks: Arbitrary<Walk> = fc.tuple(
  fc.option(fc.tuple(client, person).map(([as, person]) => registered(as, person)), { nil: [], freq: 6 }),
  fc.array(part, { minLength: 1, maxLength: 8, size: 'max' }),
  fc.option(client, { nil: undefined, freq: 4 }),
).map(([first, parts, one]) => {
  const steps = [...first, ...parts.flat()]
  return one === undefined ? steps : asOne(one, steps)
})
