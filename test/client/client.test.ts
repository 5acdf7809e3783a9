import { type AddressInfo, createServer } from 'node:net'
import { gzipSync } from 'node:zlib'
import { join } from 'node:path'
import { type Static } from '@sinclair/typebox'
import { build } from 'esbuild'
import type { Test } from 'tap'
import { createClient, type FormError, type Outcome } from '../../src/client/client.js'
import { NEXT } from '../../src/flows/outcome.js'
import type { FormErrorSchema } from '../../src/schemas/outcome.js'
import { browserFetch } from '../support/browser-fetch.js'
import { answer, startFaultServer } from '../support/fault-server.js'
import { buildWithKratos, freshEmail, PASSWORD } from '../support/kratos.js'
import { ROOT } from '../support/process.js'
import { totpCode } from '../support/totp.js'

/** What a client calls a complaint is what the server sends. */
type Same<One, Other> = [One] extends [Other] ? [Other] extends [One] ? true : false : false
const IS_SAME: Same<FormError, Static<typeof FormErrorSchema>> = true

interface Traits {
  email: string
  first_name?: string
}

async function start (t: Test) {
  const { app, kratos } = await buildWithKratos(t)
  const baseUrl = await app.listen({ port: 0, host: '127.0.0.1' })
  return { kratos, baseUrl, client: createClient<Traits>({ baseUrl, fetch: browserFetch() }) }
}

const flowIdOf = (outcome: Outcome): string | undefined => 'flowId' in outcome ? outcome.flowId : undefined

export default async function (t: Test): Promise<void> {
  t.test('the client', async (t) => {
    t.test('is one small file that needs nothing', async (t) => {
      t.ok(IS_SAME)
      const entry = join(ROOT, 'src/client/client.ts')
      const { outputFiles: [file] } = await build({
        entryPoints: [entry],
        bundle: true,
        write: false,
        format: 'esm',
        minify: true,
      })
      t.notMatch(file?.text, /\bimport\b/)
      const size = gzipSync(file?.contents ?? '').length
      t.ok(size <= 5000, `${size} bytes`)
    })

    t.test('has an outcome for every next', async (t) => {
      const kratos = await startFaultServer(t, answer(200, {}))
      for (const next of NEXT.filter((word) => word !== 'restart')) {
        kratos.react(answer(200, { success: true, data: { next, id: 'x' } }))
        t.not((await createClient({ baseUrl: kratos.url }).form('login')).kind, 'unavailable', next)
      }
    })

    t.test('reads routes of a product that have no envelope', async (t) => {
      const kratos = await startFaultServer(t, answer(200, {}))
      const client = createClient({ baseUrl: kratos.url })
      for (const [status, body, expected, type = 'application/json'] of [
        [200, { email: 'a', data: { b: 1 } }, { kind: 'ok', data: { email: 'a', data: { b: 1 } } }],
        [201, { success: true, data: { id: '1' } }, { kind: 'ok', data: { id: '1' } }],
        [204, '', { kind: 'ok', data: {} }],
        [200, [{ id: 1 }], { kind: 'ok', data: [{ id: 1 }] }],
        [200, { success: true, data: [1, 2] }, { kind: 'ok', data: [1, 2] }],
        [200, 'gone', { kind: 'ok', data: 'gone' }, 'text/plain'],
        [202, '', { kind: 'ok', data: {} }],
        [200, '<html>', { kind: 'unavailable' }, 'text/html'],
        [404, 'no such page', { kind: 'refused', code: '404', text: 'no such page' }, 'text/plain'],
        [451, { message: 'not here' }, { kind: 'refused', code: '451', text: 'not here' }],
        [404, { statusCode: 404, error: 'Not Found', message: 'no such thing' }, { kind: 'refused', code: '404', text: 'no such thing', errors: [] }],
        [400, { success: false, code: 'VALIDATION_ERROR', error: 'not valid' }, { kind: 'refused', code: 'VALIDATION_ERROR', text: 'not valid', errors: [] }],
        [401, { statusCode: 401, code: 'INVALID_SESSION', next: 'reauthenticate', start: '/x/flows/login' }, { kind: 'log_in_again', flowId: undefined, start: '/x/flows/login' }],
        [500, { statusCode: 500, error: 'Internal Server Error' }, { kind: 'unavailable' }],
        [429, { statusCode: 429, error: 'Too Many Requests' }, { kind: 'unavailable', isThrottled: true }],
      ] as const) {
        kratos.react(answer(status, body, [['Content-Type', type]]))
        t.match(await client.request('POST', '/things', {}), expected, `${status} ${JSON.stringify(body)}`)
      }
    })

    t.test('goes from a sign-up to a second factor and out again', async (t) => {
      const { client } = await start(t)
      const email = freshEmail()
      t.same(await client.session(), { state: 'out' })
      t.match(await client.signUp({ email }, 'short'), { kind: 'form', form: { errors: [{ field: 'password' }] } })
      t.match(await client.signUp({ email, first_name: 'Ada' }, PASSWORD), { kind: 'confirm_address', flowId: String })
      t.match(await client.session(), { state: 'in', user: { email, traits: { first_name: 'Ada' }, verified: false } })

      const settings = await client.form('settings')
      const nodes = settings.kind === 'form' ? settings.form.nodes : []
      const shown = nodes.find(({ attributes }) => attributes['id'] === 'totp_secret_key')?.attributes['text'] as {
        context: { secret: string }
      }
      const flowId = settings.kind === 'form' ? settings.form.flowId : undefined
      t.match(await client.enableTotp(totpCode(shown.context.secret), { flowId }), { kind: 'done' })
      t.equal(await client.logOut(), true)
      t.same(await client.session(), { state: 'out' })

      t.match(await client.logIn(email, 'wrong'), { kind: 'form', form: { errors: [{ code: 'invalid_credentials' }] } })
      const half = await client.logIn(email, PASSWORD)
      t.match(half, { kind: 'second_factor', flowId: String })
      t.same(await client.session(), { state: 'out', lacks: 'second_factor' })
      const code = totpCode(shown.context.secret)
      t.match(await client.secondFactor({ totp: code }, { flowId: flowIdOf(half) }), { kind: 'done' })
      t.match(await client.session(), { state: 'in' })
      t.match(await client.devices(), [{ current: true }])
      t.match(await client.changeProfile({ email, first_name: 'Augusta' }), { kind: 'done' })
      t.match(await client.changePassword(`${PASSWORD}-2`), { kind: 'done' })
    })

    t.test('follows an outcome to its form', async (t) => {
      const { client } = await start(t)
      const settings = { flowId: undefined, start: '/api/auth/flows/settings' }
      t.match(await client.follow({ kind: 'settings', ...settings }), { kind: 'form', form: { flow: 'login' } })
      const outcome = await client.signUp({ email: freshEmail() }, PASSWORD)
      t.match(await client.follow(outcome), { kind: 'form', form: { flow: 'verification', flowId: flowIdOf(outcome) } })
      const elsewhere = { flowId: undefined, start: '/elsewhere/api/auth/flows/login?aal=aal2' }
      t.match(await client.follow({ kind: 'second_factor', ...elsewhere }), {
        kind: 'form',
        form: { flow: 'settings' },
      })
      t.same(await client.follow({ kind: 'done' }), { kind: 'done' })
    })

    t.test('shows the form of another flow where the service names one', async (t) => {
      const overrides = { selfservice: { flows: { recovery: { enabled: false } } } }
      const { app } = await buildWithKratos(t, { overrides })
      const baseUrl = await app.listen({ port: 0, host: '127.0.0.1' })
      const client = createClient({ baseUrl, fetch: browserFetch() })
      t.match(await client.recover('ada@example.test'), { kind: 'form', form: { flow: 'login' } })
    })

    t.test('calls an outage unknown, whatever form it has', async (t) => {
      const closed = createServer().listen(0, '127.0.0.1')
      await new Promise((resolve) => closed.once('listening', resolve))
      const { port } = closed.address() as AddressInfo
      await new Promise((resolve) => closed.close(resolve))
      t.match(await createClient({ baseUrl: `http://127.0.0.1:${port}` }).session(), { state: 'unknown' })
      const kratos = await startFaultServer(t, answer(200, '<html>', [['Content-Type', 'text/html']]))
      const client = createClient({ baseUrl: kratos.url })
      t.match(await client.session(), { state: 'unknown' })
      t.match(await client.logIn('ada', 'x'), { kind: 'unavailable' })
      t.equal(await client.logOut(), false)
      kratos.react(answer(503, { success: false, code: 'OVERLOADED' }, [['Retry-After', '7']]))
      t.match(await client.session(), { state: 'unknown', retryAfterSeconds: 7 })
      t.match(await client.logIn('ada', 'x'), { kind: 'unavailable', retryAfterSeconds: 7 })
    })

    t.test('takes no word of a proxy for a word of the service', async (t) => {
      const service = await startFaultServer(t, answer(200, {}))
      const client = createClient({ baseUrl: `${service.url}/` })
      for (const [status, body] of [[200, {}], [200, []], [401, { message: 'Unauthorized' }], [403, { message: 'Forbidden' }]] as const) {
        service.react(answer(status, body))
        t.match(await client.session(), { state: 'unknown' }, `${status} ${JSON.stringify(body)}`)
        t.equal(await client.logOut(), false)
      }
      t.match(service.requests, [{ target: '/api/auth/whoami?full=true' }])
    })

    t.test('rejects what is aborted while its answer comes in', async (t) => {
      const leaving = new AbortController()
      const service = await startFaultServer(t, (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"success":')
        setImmediate(() => leaving.abort())
      })
      const client = createClient({ baseUrl: service.url })
      await t.rejects(client.logOut({ signal: leaving.signal }), { name: 'AbortError' })
    })

    t.test('reads what a form offers, shows backup codes and takes them, and tells who else is logged in', async (t) => {
      const { client, baseUrl } = await start(t)
      const other = createClient<Traits>({ baseUrl, fetch: browserFetch() })
      const email = freshEmail()
      await client.signUp({ email }, PASSWORD)
      await other.logIn(email, PASSWORD)
      const settings = await client.form('settings')
      t.match(settings, {
        form: { offers: { totp: { isOn: false, secret: /^[A-Z2-7]+$/, picture: /^data:image\/png/ }, passkeys: [] } },
      })
      const shown = await client.newBackupCodes()
      const { flowId, offers: { backupCodes: { codes } } } = shown.kind === 'form'
        ? shown.form
        : { flowId: undefined, offers: { backupCodes: { codes: [] } } }
      t.equal(codes.length, 12)
      t.match(await client.confirmBackupCodes({ flowId }), { kind: 'done' })
      t.match(await client.form('settings'), { form: { offers: { backupCodes: { isOn: true } } } })
      t.match(await client.logOutOthers(), { kind: 'ok', data: { revoked: 1 } })
      t.match(await other.session(), { state: 'out' })
      t.match(await other.logIn(email, PASSWORD), { kind: 'second_factor' })
      t.match(await other.secondFactor({ backupCode: codes[0] ?? '' }), { kind: 'done' })
      t.match(await client.form('login', { isAgain: true }), { form: { offers: { identifier: email, password: true } } })
    })

    t.test('asks other routes of the product by the same rules', async (t) => {
      const { client } = await start(t)
      t.match(await client.request('GET', '/api/documents'), { kind: 'log_in_again' })
      await client.signUp({ email: freshEmail() }, PASSWORD)
      t.match(await client.request('POST', '/api/documents', { title: '', content: '' }), {
        kind: 'refused',
        errors: [{ field: 'title' }],
      })
      t.match(await client.request('POST', '/api/documents', { title: 'One', content: '' }), {
        kind: 'ok',
        data: { title: 'One' },
      })
      t.match(await client.request('GET', '/api/nothing'), { kind: 'refused', code: 'NOT_FOUND' })
      t.match(await client.deleteAccount(), { kind: 'ok' })
      t.match(await client.session(), { state: 'out' })
    })

    t.test('posts no code to another flow than the one that sent it', async (t) => {
      const { client } = await start(t)
      const gone = { flowId: '11111111-2222-4333-8444-555555555555' }
      const expired = { kind: 'form', form: { sent: false, errors: [{ field: 'code', code: 'code_expired' }] } }
      for (const flow of ['recovery', 'verification'] as const) {
        const outcome = await client.confirmCode(flow, '123456', gone)
        t.match(outcome, expired)
        t.match(outcome, { form: { flow } })
      }
      t.match(await client.logInByCode('ada@example.test', '123456', gone), expired)
    })

    t.test('asks nobody for a passkey where there is no browser', async (t) => {
      const { client } = await start(t)
      t.match(await client.logInWithPasskey(), { kind: 'cancelled' })
    })

    t.test('sends once more what only reads, and nothing else', async (t) => {
      const kratos = await startFaultServer(t, (socket) => socket.destroy())
      const client = createClient({ baseUrl: kratos.url })
      await client.session()
      t.equal(kratos.requests.length, 2)
      await client.logOut()
      t.equal(kratos.requests.length, 3)
    })

    t.test('replaces a flow that is gone once, and rejects only what was aborted', async (t) => {
      const { client } = await start(t)
      const gone = { flowId: '11111111-2222-4333-8444-555555555555' }
      t.match(await client.logIn('nobody', 'wrong', gone), {
        kind: 'form',
        form: { errors: [{ code: 'invalid_credentials' }] },
      })
      t.match(await client.recover('ada@example.test', gone), { kind: 'form', form: { flow: 'recovery', sent: true } })
      await t.rejects(client.session({ signal: AbortSignal.abort() }), { name: 'AbortError' })
    })
  })
}
