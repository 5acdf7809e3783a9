import type { Test } from 'tap'
import { startEmbeddedKratos } from '../../kratos/embedded/index.js'

/** A flow id that no flow has. */
const ID = '77d1b512-3207-4f23-81ed-7fd35915a4f0'
const REFUSED = /^failed to connect to `user=.*: connect: connection refused$/
const INSERT = /^named insert: failed to connect to /
const TRANSACTION = /^couldn't start a new transaction: could not create new transaction: failed to connect to /

const LOGOUT = '/self-service/logout/browser'
/** A real v26.2.0 whose Postgres was stopped, with --dev or not: status, and id, reason or message of its error. */
const ANSWERS: Array<[line: string, status: number, error: object | undefined]> = [
  ['GET /sessions/whoami', 401, { reason: 'No valid session credentials found in the request.' }],
  ['HEAD /sessions/whoami', 401, undefined],
  ['GET /sessions', 401, { reason: 'No valid session cookie found.' }],
  ['DELETE /sessions', 401, { reason: 'No valid session cookie found.' }],
  [`DELETE /sessions/${ID}`, 401, { reason: 'No valid session cookie found.' }],
  ['GET /sessions/token-exchange?init_code=a&return_to_code=b', 404, { reason: 'no session yet for this "code"' }],
  ['GET /self-service/settings/api', 401, { id: 'session_inactive' }],
  ['GET /self-service/settings/browser', 401, { id: 'session_inactive' }],
  [`GET /self-service/settings/flows?id=${ID}`, 401, { reason: /Ory Session Cookie or Ory Session Token is missing/ }],
  [`POST /self-service/settings?flow=${ID}`, 401, { reason: /Ory Session Cookie or Ory Session Token is missing/ }],
  [`GET ${LOGOUT}`, 500, { message: REFUSED }],
  ['GET /self-service/logout?token=x', 500, { message: REFUSED }],
  ['GET /self-service/logout', 400, { reason: 'Please include a token in the URL query.' }],
  ['DELETE /self-service/logout/api', 500, { message: REFUSED }],
  ['GET /self-service/login/api', 500, { message: REFUSED }],
  ['GET /self-service/login/api?aal=aal2', 500, { message: REFUSED }],
  ['GET /self-service/registration/api', 500, { message: REFUSED }],
  ['GET /self-service/verification/api', 500, { message: INSERT }],
  [`GET /self-service/login/flows?id=${ID}`, 500, { message: REFUSED }],
  ['GET /self-service/login/flows?id=xyz', 500, { message: REFUSED }],
  [`POST /self-service/login?flow=${ID}`, 500, { message: REFUSED }],
  [`POST /self-service/recovery?flow=${ID}`, 500, { message: REFUSED }],
  ['POST /self-service/login?flow=xyz', 400, { reason: 'The flow query parameter is missing or malformed.' }],
  [`GET /self-service/errors?id=${ID}`, 500, { message: TRANSACTION }],
  ['GET /schemas', 200, undefined],
  ['GET /health/alive', 200, undefined],
  ['GET /health/ready', 503, { code: 500, message: 'error may contain sensitive information and was obfuscated' }],
  ['GET /nothing', 404, undefined],
]
const ADMIN_ANSWERS: typeof ANSWERS = [
  ['GET /admin/health/ready', 503, { code: 500, message: REFUSED }],
  ['GET /admin/health/alive', 200, undefined],
  ['GET /admin/identities', 500, { message: TRANSACTION }],
  [`GET /admin/identities/${ID}`, 500, { message: REFUSED }],
  ['GET /admin/identities/xyz', 500, { message: REFUSED }],
  [`DELETE /admin/identities/${ID}`, 500, { message: REFUSED }],
  ['GET /admin/sessions', 500, { message: TRANSACTION }],
  ['GET /admin/courier/messages', 500, { message: /^unable to fetch records: failed to connect to / }],
]

export default async function (t: Test): Promise<void> {
  t.test('the fault database-away', async (t) => {
    const kratos = await startEmbeddedKratos()
    t.teardown(() => kratos.close())
    const ada = await kratos.createIdentity({ email: 'ada@example.com' })
    const { headers } = kratos.signIn(ada)
    const ask = async (base: string, line: string, sent: Record<string, string> = headers) => {
      const [method = '', path = ''] = line.split(' ')
      const body = ['POST', 'DELETE'].includes(method) && path.startsWith('/self-service') ? '{"session_token":"x"}' : null
      const answer = await fetch(base + path, {
        method,
        body,
        headers: { accept: 'application/json', 'content-type': 'application/json', ...sent },
        redirect: 'manual',
      })
      const text = await answer.text()
      return { status: answer.status, error: text.startsWith('{"error') ? JSON.parse(text).error : undefined }
    }

    await t.test('answers as a Kratos does whose database is gone', async (t) => {
      const fault = await kratos.fault({ kind: 'database-away' })
      for (const [line, status, error] of ANSWERS) t.match(await ask(kratos.publicUrl, line), { status, error }, line)
      for (const [line, status, error] of ADMIN_ANSWERS) {
        t.match(await ask(kratos.adminUrl, line), { status, error }, line)
      }
      t.equal(fault.calls, ANSWERS.length + ADMIN_ANSWERS.length, 'one database is behind both ports')
      const nobody = { status: 401, error: { id: 'session_inactive' } }
      t.match(await ask(kratos.publicUrl, `GET ${LOGOUT}`, {}), nobody, 'without a credential nothing is asked')
      await fault.clear()
      t.match(await ask(kratos.publicUrl, 'GET /sessions/whoami'), { status: 200 }, 'nothing is lost')
    })

    await t.test('says the same of a session as of none, byte for byte', async (t) => {
      const body = async (sent: Record<string, string>): Promise<string> =>
        await (await fetch(`${kratos.publicUrl}/sessions/whoami`, { headers: sent })).text()
      const unknown = await body({ 'x-session-token': `ory_st_${'a'.repeat(32)}` })
      await kratos.fault({ kind: 'database-away', times: 1 })
      t.equal(await body(headers), unknown)
    })

    await t.test('may befall some requests only, as a pool that is used up does', async (t) => {
      await kratos.fault({ kind: 'database-away', path: '/sessions/whoami', times: 1 })
      t.match(await ask(kratos.publicUrl, `GET ${LOGOUT}`), { status: 200 })
      t.match(await ask(kratos.publicUrl, 'GET /sessions/whoami'), { status: 401 })
      t.match(await ask(kratos.publicUrl, 'GET /sessions/whoami'), { status: 200 })
    })
  })
}
