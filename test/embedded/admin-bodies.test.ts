import type { Test } from 'tap'
import { startEmbeddedKratos, type EmbeddedKratos } from '../../kratos/embedded/index.js'
import type { Json, JsonObject } from '../../kratos/embedded/json.js'
import { call, type JsonAnswer } from './client.js'

const ID = '7c1f3a52-0c33-4f0e-9d4a-2b6f5f1a7c11'
const EMAIL = { type: 'string', format: 'email', 'ory.sh/kratos': { credentials: { password: { identifier: true }, code: { identifier: true, via: 'email' } }, verification: { via: 'email' } } }
const SCHEMA: JsonObject = { type: 'object', properties: { traits: { type: 'object', properties: { email: EMAIL } } } }

async function start (t: Test): Promise<EmbeddedKratos> {
  const kratos = await startEmbeddedKratos({ env: {}, schema: SCHEMA, overrides: { hashers: { bcrypt: { cost: 4 } } } })
  t.teardown(async () => await kratos.close())
  return kratos
}

export default async function (t: Test): Promise<void> {
  const kratos = await start(t)
  const ask = async (method: string, path: string, body?: Json): Promise<JsonAnswer> =>
    await call(method, `${kratos.adminUrl}/admin${path}`, body === undefined ? {} : { body })
  let count = 0
  const create = async (more: JsonObject): Promise<JsonAnswer> =>
    await ask('POST', '/identities', { traits: { email: `p${++count}@example.test` }, ...more })

  t.test('POST /admin/identities', async (t) => {
    t.test('names the struct and the type that a member of the wrong type belongs to', async (t) => {
      const rows: Array<[JsonObject, string]> = [
        [{ verifiable_addresses: 'x' }, 'string into Go struct field CreateIdentityBody.verifiable_addresses of type []identity.VerifiableAddress'],
        [{ verifiable_addresses: ['x'] }, 'string into Go struct field CreateIdentityBody.verifiable_addresses of type identity.VerifiableAddress'],
        [{ credentials: [] }, 'array into Go struct field CreateIdentityBody.credentials of type identity.IdentityWithCredentials'],
        [{ credentials: { password: { config: [] } } }, 'array into Go struct field AdminIdentityImportCredentialsPassword.credentials.password.config of type identity.AdminIdentityImportCredentialsPasswordConfig'],
        [{ credentials: { oidc: { config: { providers: [{ subject: 1 }] } } } }, 'number into Go struct field AdminCreateIdentityImportCredentialsOIDCProvider.credentials.oidc.config.providers.subject of type string'],
      ]
      for (const [body, problem] of rows) {
        const answer = await create(body)
        t.strictSame([answer.status, answer.body['error'].message], [400, `json: cannot unmarshal ${problem}`])
      }
    })

    t.test('refuses a time that Go cannot read, in its words', async (t) => {
      const layout = 'as "2006-01-02T15:04:05Z07:00": cannot parse'
      const rows: Array<[Json, string]> = [
        ['nope', `parsing time "nope" ${layout} "nope" as "2006"`],
        ['2020-01-01', `parsing time "2020-01-01" ${layout} "" as "T"`],
        ['2020-13-01T00:00:00Z', 'parsing time "2020-13-01T00:00:00Z": month out of range'],
        ['2020-02-31T00:00:00Z', 'parsing time "2020-02-31T00:00:00Z": day out of range'],
        ['2020-01-01T00:00:00Zx', 'parsing time "2020-01-01T00:00:00Zx": extra text: "x"'],
        [5, 'Time.UnmarshalJSON: input is not a JSON string'],
      ]
      for (const [time, problem] of rows) {
        const answer = await create({ verifiable_addresses: [{ value: 'x', via: 'email', verified_at: time }] })
        t.strictSame([answer.status, answer.body['error'].message], [400, problem])
      }
    })

    t.test('takes any status of an address; without one it follows from verified', async (t) => {
      const rows: Array<[JsonObject, string]> = [
        [{ verified: true }, 'completed'],
        [{ verified: true, status: '' }, 'completed'],
        [{ verified: false }, 'pending'],
        [{ verified: true, status: 'sent' }, 'sent'],
        [{ status: 'whatever' }, 'whatever'],
      ]
      for (const [address, status] of rows) {
        const value = `p${count + 1}@example.test`
        const { body } = await create({ verifiable_addresses: [{ value, via: 'email', ...address }] })
        t.equal(body['verifiable_addresses'][0].status, status)
      }
    })

    t.test('shows an empty account for social login without accounts', async (t) => {
      const { body } = await create({ credentials: { oidc: { config: { providers: [] } } } })
      t.equal(body['credentials'].oidc.identifiers, null, 'in the answer that creates it')
      const { body: read } = await ask('GET', `/identities/${body['id']}?include_credential=oidc`)
      t.match(read['credentials'].oidc, { identifiers: [], config: { providers: [{ subject: '', provider: '', initial_id_token: '' }] } })
    })
  })

  t.test('PUT /admin/identities/{id}', async (t) => {
    t.test('leaves the identifiers that the traits no longer have', async (t) => {
      const { body: { id } } = await create({ credentials: { password: { config: { password: 'a password of hers' } } } })
      const { status, body } = await ask('PUT', `/identities/${id}`, { schema_id: 'default', state: 'active', traits: {} })
      t.equal(status, 200)
      t.strictSame(body['credentials'].password.identifiers, [`p${count}@example.test`])
      t.equal(body['verifiable_addresses'], undefined)
    })
  })

  t.test('POST /admin/recovery/code', async (t) => {
    t.test('names the type of a member that is wrong', async (t) => {
      const rows: Array<[Json, string]> = [
        [{ identity_id: ID, expires_in: 5 }, 'number into Go struct field createRecoveryCodeForIdentityBody.expires_in of type string'],
        [{ identity_id: 5 }, 'number into Go struct field createRecoveryCodeForIdentityBody.identity_id of type uuid.UUID'],
        [[], 'array into Go value of type code.createRecoveryCodeForIdentityBody'],
      ]
      for (const [body, problem] of rows) {
        const { body: { error } } = await ask('POST', '/recovery/code', body)
        t.equal(error.reason, `Unable to decode JSON payload: json: cannot unmarshal ${problem}`)
      }
    })
  })

  t.test('what Go cannot decode as base64 is told with its place', async (t) => {
    const messages = await ask('GET', '/courier/messages?page_token=abcde')
    t.equal(messages.body['error'].message, 'decode token: illegal base64 data at input byte 4')
    const identity = await kratos.createIdentity({ email: 'token@example.test' })
    const headers = { 'x-session-token': kratos.signIn(identity).token, cookie: 'ory_kratos_session=ab*d' }
    const { body } = await call('GET', `${kratos.publicUrl}/sessions/whoami`, { headers })
    t.equal(body['error'].message, 'securecookie: base64 decode failed - caused by: illegal base64 data at input byte 2')
  })
}
