import type { Test } from 'tap'
import { flatLogin, flatRegistration, genericBody } from '../../src/flows/body.js'
import { FLOWS, kratosBody } from '../../src/flows/table.js'
import {
  type JsonObject, isIdentityId, replacementFlowId, retryAfterSeconds,
  withPublicRequestUrl,
} from '../../src/kratos-client/kratos-body.js'
import { DEFAULT_TRAITS } from '../../src/kratos-client/traits.js'
import { readSession } from '../../src/kratos-client/read-session.js'
import { sessionExpiry, sessionToken, withoutSessionToken } from '../../src/kratos-client/session-token.js'
import { recorded } from '../support/fault-server.js'

const body = (file: string, step: string): JsonObject => recorded(file, step).body as JsonObject
const ID = '75a27543-eee0-4b07-b8a1-abee76f69b42'

export default async function (t: Test): Promise<void> {
  t.test('session token of an answer', async (t) => {
    const registered = body('02-api-registration-success-session-hook', 'submit')
    const token = registered['session_token']
    t.match(token, /^ory_st_\w{32}$/)
    t.equal(sessionToken(registered), token, 'is found in session_token (recording 02)')
    const { session_token: _, ...recovered } = registered
    t.equal(sessionToken(recovered), token, 'and in continue_with (recording 58)')
    t.notMatch(JSON.stringify(withoutSessionToken(registered)), 'ory_st_', 'and is in the body no more (B26)')
    t.same(withoutSessionToken(registered), {
      session: registered['session'],
      identity: registered['identity'],
      continue_with: null,
    }, 'nothing else is missing')

    const login = body('10-api-login', 'success')
    t.same(
      withoutSessionToken(login),
      { session: login['session'], continue_with: null },
      'a null continue_with stays (recording 10)',
    )
    const verify = body('05-registration-show-verification-ui', 'API submit')
    t.match(
      withoutSessionToken(verify)['continue_with'],
      [{ action: 'show_verification_ui' }],
      'other steps stay (recording 05)',
    )
    t.equal((withoutSessionToken(verify)['continue_with'] as unknown[]).length, 1)
    t.equal(sessionExpiry(login), (login['session'] as JsonObject)['expires_at'])
    for (
      const odd of [{}, { session_token: '' }, { session_token: 1 }, { continue_with: {} }, {
        continue_with: [null, 'x', { action: 'set_ory_session_token' }],
      }]
    ) {
      t.equal(sessionToken(odd), undefined, `none in ${JSON.stringify(odd)}`)
    }
    t.equal(sessionExpiry({ session: null }), undefined)
  })

  t.test('a whoami answer of status 200', async (t) => {
    const session = body('30-whoami-credentials', 'X-Session-Token valid')
    const read = (change: JsonObject) => readSession({ ...session, ...change }).kind
    const identity = session['identity'] as JsonObject

    t.match(readSession(session), { kind: 'active', session: { identity: { id: identity['id'] } } })
    t.equal(read({ active: false }), 'inactive', 'active:false is no session (I15)')
    t.equal(read({ expires_at: '2001-01-01T00:00:00Z' }), 'active', "that it is not over is Kratos' word (I15)")

    const malformed: JsonObject[] = [
      { active: 'true' },
      { active: 1 },
      { active: null },
      { active: undefined },
      { id: undefined },
      { id: 7 },
      { id: '' },
      { expires_at: undefined },
      { expires_at: null },
      { expires_at: 'soon' },
      { expires_at: 4e12 },
      { expires_at: '0' },
      { expires_at: '2027' },
      { expires_at: 'Nov 24 2026' },
      { expires_at: '2026-13-45T99:99:99Z' },
      { identity: undefined },
      { identity: null },
      { identity: [] },
      { identity: 'x' },
    ]
    for (const change of malformed) { t.equal(read(change), 'malformed', `${JSON.stringify(change)} is no answer to go by (I15)`) }
    for (
      const id of [
        undefined,
        null,
        1,
        '',
        'x',
        '00000000-0000-0000-0000-000000000000',
        `${ID} `,
        ID.toUpperCase(),
        `{${ID}}`,
      ]
    ) {
      t.equal(read({ identity: { ...identity, id } }), 'malformed', `identity.id ${JSON.stringify(id)} (A38)`)
    }
    for (const traits of [undefined, null, [], 'x']) { t.equal(read({ identity: { ...identity, traits } }), 'malformed', `traits ${JSON.stringify(traits)}`) }
    for (const odd of [{}, { error: {} }]) t.equal(readSession(odd).kind, 'malformed', JSON.stringify(odd))
    t.ok(isIdentityId(ID))
  })

  t.test('the flow that replaced another', async (t) => {
    const kratos = 'http://127.0.0.1:4433/self-service'
    t.equal(replacementFlowId(`${kratos}/recovery/flows?id=${ID}`, 'recovery'), ID, '(J20)')
    t.equal(replacementFlowId(`${kratos}/verification/flows?id=${ID}`, 'verification'), ID)
    const others = [
      undefined,
      null,
      7,
      '',
      ['x'],
      `${kratos}/recovery/flows?id=${ID}&x=1`,
      `${kratos}/recovery/flows?id=${ID.slice(1)}`,
      `${kratos}/recovery/flows?id=${ID}#`,
      `${kratos}/login/flows?id=${ID}`,
      `${kratos}/recovery?flow=${ID}`,
      `${kratos}/recovery/flows?id=${'-'.repeat(36)}`,
      `${kratos}/recovery/flows?id=..%2f`,
    ]
    for (const location of others) t.equal(replacementFlowId(location, 'recovery'), undefined, `not ${String(location)}`)
    t.equal(replacementFlowId(`${kratos}/recovery/flows?id=${ID}`, undefined), undefined)
  })

  t.test('Retry-After of an answer is whole seconds, clamped (J17)', async (t) => {
    const rows: Array<[unknown, number | undefined]> = [
      ['0', 0],
      ['7', 7],
      ['300', 300],
      ['301', 300],
      ['999999999', 300],
      ['9999999999', undefined],
      ['-1', undefined],
      ['1.5', undefined],
      ['', undefined],
      [' 7', undefined],
      ['7, 7', undefined],
      ['NaN', undefined],
      ['Fri, 31 Dec 1999 23:59:59 GMT', undefined],
      [undefined, undefined],
      [7, undefined],
      [['7', '8'], undefined],
    ]
    for (const [header, seconds] of rows) t.equal(retryAfterSeconds(header), seconds, JSON.stringify(header))
  })

  t.test('request_url of a flow gets the origin of ui.action (B19)', async (t) => {
    const flow = {
      id: ID,
      request_url: 'http://kratos.internal:4433/self-service/login/api?return_to=http%3A%2F%2Fx%2F%3Fa',
      ui: { action: 'https://auth.example/kratos/self-service/login?flow=1' },
    }
    t.same(withPublicRequestUrl(flow), {
      ...flow,
      request_url: 'https://auth.example/self-service/login/api?return_to=http%3A%2F%2Fx%2F%3Fa',
    })
    t.same(
      withPublicRequestUrl(body('10-api-login', 'init')),
      body('10-api-login', 'init'),
      "a default installation's stays",
    )
    for (
      const odd of [{ request_url: 'x' }, { request_url: 'x', ui: { action: 'http://a/' } }, {
        request_url: 'http://a/',
        ui: { action: 'x' },
      }, { request_url: 1, ui: null }]
    ) {
      t.same(withPublicRequestUrl(odd), odd)
    }
  })

  t.test('what a submit sends to Kratos (A06)', async (t) => {
    const hostile = {
      is_admin: true,
      state: 'active',
      schema_id: 's',
      metadata_admin: { a: 1 },
      metadata_public: {},
      identity: {},
      flow: ID,
      flow_id: ID,
      'traits.role': 'admin',
      role: 'admin',
    }
    const kept = { csrf_token: 'c', transient_payload: { plan: 'x' } }
    const traits = { email: 'a@example.test', first_name: 'A', last_name: 'B', username: 'ab' }
    t.same(flatRegistration({ ...hostile, ...kept, ...traits, password: ' pä ss ' }, DEFAULT_TRAITS), {
      method: 'password',
      traits,
      password: ' pä ss ',
      ...kept,
    }, 'flat registration')
    t.same(
      flatRegistration({ email: 'a@example.test' }, DEFAULT_TRAITS),
      { method: 'password', traits: { email: 'a@example.test' } },
      'what is missing is left to Kratos',
    )
    t.same(flatLogin({ ...hostile, ...kept, identifier: 'a', password: 'b', traits }), {
      method: 'password',
      identifier: 'a',
      password: 'b',
      ...kept,
    }, 'flat login')

    const withheld = JSON.parse('{"__proto__":1,"constructor":2,"prototype":3}') as JsonObject
    const generic = { method: 'code', code: '123456', traits: { email: 'x', state: 'y' }, resend: 'code' }
    t.same(genericBody({ ...hostile, ...withheld, ...kept, ...generic }), {
      is_admin: true,
      'traits.role': 'admin',
      role: 'admin',
      ...kept,
      ...generic,
    }, 'generic body')
    t.same(Object.keys(genericBody(withheld)), [], 'nothing that could reach a prototype')

    const [registration, login] = FLOWS
    if (registration === undefined || login === undefined) throw new Error('no flows')
    t.match(
      kratosBody(registration, { flow_id: ID, email: 'x' }, DEFAULT_TRAITS),
      { method: 'password', traits: { email: 'x' } },
      'no method: the flat form',
    )
    t.same(
      kratosBody(login, { flow_id: ID, method: 'code', identifier: 'x' }, DEFAULT_TRAITS),
      { method: 'code', identifier: 'x' },
      'a method: the generic one',
    )
  })

  t.test('fields that were left empty are not sent, and nothing else is touched', async (t) => {
    const [registration] = FLOWS
    if (registration === undefined) throw new Error('no flows')
    const sent = (body: JsonObject): JsonObject => kratosBody(registration, { flow_id: ID, method: 'x', ...body }, DEFAULT_TRAITS)
    const traits = { a: '', b: ' \t\n\u0085', c: { d: '', e: { f: '' } }, g: ['', 'x', ['']], h: null, i: 0, j: {}, k: [], l: ' m ' }
    t.same(sent({ traits }), { method: 'x', traits: { g: ['x'], h: null, i: 0, j: {}, k: [], l: ' m ' } })
    t.same(sent({ 'traits.a': '', 'traits.b': 'b', 'traits.c': { d: '' } }), { method: 'x', 'traits.b': 'b', 'traits.c': {} })
    const others = { code: '', transient_payload: { a: '' }, csrf_token: '', password: ' ' }
    t.same(sent(others), { method: 'x', ...others }, 'what is no trait stays')
    t.same(
      kratosBody(registration, { flow_id: ID, email: '', username: ' ', password: '' }, DEFAULT_TRAITS),
      { method: 'password', traits: {}, password: '' },
    )
  })

  t.test('passwords leave unchanged (A34)', async (t) => {
    for (const password of ['x'.repeat(64), '  blanks  ', '🐎🔋📎', 'é', 'e\u0301', '\t', 'x'.repeat(1024)]) {
      t.equal(flatLogin({ identifier: 'a', password })['password'], password)
    }
  })
}
