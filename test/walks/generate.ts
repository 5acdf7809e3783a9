import fc, { type Arbitrary } from 'fast-check'
import { ADMIN_CALLS, CALLS } from './calls.js'
import { sometimes, submitsWith, usualTraits, withoutGaps, type Traits } from './fields.js'
import { JOURNEYS, registration, usualPerson, type Journey, type ValidTraits } from './journeys.js'
import type { ClientName, FlowChoice, FlowName, Json, Step, Walk } from './steps.js'

const FLOWS: FlowName[] = ['registration', 'login', 'settings', 'recovery', 'verification']
const client = fc.constantFrom<ClientName>('app', 'app', 'spa', 'html')
const person = fc.constantFrom(1, 1, 1, 2)

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

const BODIES = fc.constantFrom('', '{', '[]', 'null', '{"method":"password"} x', 'method=password&identifier=%zz')

type Submits = ReturnType<typeof submitsWith>

function submitOf (submits: Submits, as: ClientName, flow: FlowName, person: number): Arbitrary<Step> {
  return fc.record({
    fields: fc.tuple(fc.oneof(...submits[flow](person)), ODD)
      .map(([fields, odd]) => withoutGaps({ ...fields, ...odd })),
    form: sometimes(fc.constant(true as const)),
    id: sometimes(fc.constantFrom<FlowChoice>('previous', 'previous', 'unknown', 'malformed', 'none'), 30),
    anonymous: sometimes(fc.constant(true as const), 40),
    headers: sometimes(HEADERS, 25),
    raw: sometimes(BODIES, 60),
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
  const anonymous = sometimes(fc.constant(true as const), 25)
  return fc.record({ query: sometimes(queryOf(flow), 2), anonymous, headers: sometimes(HEADERS, 20) })
    .map((more) => clean({ do: 'open', as, flow, ...more }) as Step)
}

/** Only settings and a second factor are for those who are logged in, so the client often forgets its session first. */
const stranger = (as: ClientName, flow: FlowName): Arbitrary<Step[]> =>
  flow === 'settings' ? fc.constant([]) : fc.constantFrom<Step[]>([{ do: 'forget', as }], [])

/** A flow from its beginning, with one to four submits. */
const visitWith = (kinds: Submits): Arbitrary<Step[]> => fc.tuple(client, fc.constantFrom(...FLOWS, 'login', 'settings'), person)
  .chain(([as, flow, person]) => {
    const submits = fc.array(submitOf(kinds, as, flow, person), { minLength: 1, maxLength: 4 })
    return fc.tuple(stranger(as, flow), openOf(as, flow), submits)
  })
  .map(([before, open, submits]) => [...before, open, ...submits])

const journeyOf = (registered: Journey): Arbitrary<Step[]> =>
  fc.tuple(fc.constantFrom(registered, ...JOURNEYS), client, person)
    .map(([make, as, person]) => make(as, person))
    .chain((steps) => {
      const [first] = steps
      const isForStrangers = first?.do === 'open' && first.query === undefined
      return isForStrangers ? stranger(first.as, first.flow).map((before) => [...before, ...steps]) : fc.constant(steps)
    })

const call: Arbitrary<Step> = fc.tuple(client, fc.constantFrom(...CALLS))
  .map(([as, [method, path, body]]) => clean({ do: 'call', as, method, path, body }) as Step)

const admin: Arbitrary<Step> = fc.constantFrom(...ADMIN_CALLS)
  .map(([method, path, body]) => clean({ do: 'admin', method, path, body }) as Step)

const logout: Arbitrary<Step> = fc.record({
  as: client,
  token: sometimes(fc.constantFrom('ory_lo_wrong', ''), 4),
  query: sometimes(returnTo.map((target) => ({ return_to: target })), 4),
}).map((more) => clean({ do: 'logout', ...more }) as Step)

const fetched: Arbitrary<Step> = fc.record({
  as: client,
  flow: fc.constantFrom(...FLOWS),
  id: sometimes(fc.constantFrom<FlowChoice>('previous', 'unknown', 'malformed', 'none'), 3),
}).map((more) => clean({ do: 'fetch', ...more }) as Step)

const singleWith = (kinds: Submits): Arbitrary<Step> => fc.oneof(
  { weight: 1, arbitrary: client.map((as): Step => ({ do: 'forget', as })) },
  { weight: 3, arbitrary: call },
  { weight: 3, arbitrary: admin },
  { weight: 2, arbitrary: fc.tuple(client, person).map(([as, person]): Step => ({ do: 'link', as, person })) },
  { weight: 2, arbitrary: person.map((person): Step => ({ do: 'mails', person })) },
  { weight: 2, arbitrary: logout },
  { weight: 2, arbitrary: fetched },
  {
    weight: 2,
    arbitrary: fc.tuple(client, fc.constantFrom(...FLOWS), person).chain((what) => submitOf(kinds, ...what)),
  },
)

const asOne = (as: ClientName, steps: Step[]): Step[] => steps.map((step) => 'as' in step ? { ...step, as } : step)

/** Walks start with somebody who is registered, mostly, so that later steps mean something. */
export function walksWith (traits: Traits, valid: ValidTraits): Arbitrary<Walk> {
  const kinds = submitsWith(traits)
  const registered = registration(valid)
  // Most walks have one client, so that its flows go on.
  const part: Arbitrary<Step[]> = fc.oneof(
    { weight: 5, arbitrary: visitWith(kinds) },
    { weight: 4, arbitrary: journeyOf(registered) },
    { weight: 3, arbitrary: singleWith(kinds).map((step) => [step]) },
  )
  return fc.tuple(
    fc.option(fc.tuple(client, person).map(([as, person]) => registered(as, person)), { nil: [], freq: 6 }),
    fc.array(part, { minLength: 1, maxLength: 8, size: 'max' }),
    fc.option(client, { nil: undefined, freq: 4 }),
  ).map(([first, parts, one]) => {
    const steps = [...first, ...parts.flat()]
    return one === undefined ? steps : asOne(one, steps)
  })
}

/** For the configurations of this folder. */
export const walks: Arbitrary<Walk> = walksWith(usualTraits, usualPerson)
