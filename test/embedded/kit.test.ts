import { once } from 'node:events'
import { createConnection } from 'node:net'
import type { Test } from 'tap'
import {
  startEmbeddedKratos,
  type EmbeddedKratos,
  type EmbeddedKratosOptions,
  type FaultOptions,
} from '../../kratos/embedded/index.js'
import { run, TRANSPILED } from '../support/process.js'
import { call, PASSWORD, register, submitFlow, whoami } from './client.js'

async function start (t: Test, options: EmbeddedKratosOptions = {}): Promise<EmbeddedKratos> {
  const kratos = await startEmbeddedKratos({ overrides: { hashers: { bcrypt: { cost: 4 } } }, ...options })
  t.teardown(async () => await kratos.close())
  return kratos
}

/**
 * Opens everything that can be open at the end: servers, sockets, slow and refusing faults, a hook that is not awaited.
 */
const CLOSING = `
import { createServer } from 'node:net'
import { readdirSync } from 'node:fs'
import { startEmbeddedKratos } from './kratos/embedded/index.js'
const silent = createServer(() => {}).listen(0, '127.0.0.1').unref()
await new Promise((resolve) => silent.once('listening', resolve))
const url = 'http://127.0.0.1:' + silent.address().port
const hook = { hook: 'web_hook', config: { url, method: 'POST', body: 'base64://e30=', response: { ignore: true } } }
const flows = { registration: { after: { password: { hooks: [hook] } } } }
const overrides = { hashers: { bcrypt: { cost: 4 } }, selfservice: { flows } }
const databases = ['a', 'b', 'c'].map((name) => process.env.FOLDER + '/' + name + '.db')
const all = await Promise.all(databases.map((database) => startEmbeddedKratos({ overrides, database })))
for (const { publicUrl, fault } of all) {
  const { ui } = await (await fetch(publicUrl + '/self-service/registration/api')).json()
  const body = JSON.stringify({ method: 'password', password: '${PASSWORD}', traits: { email: 'a@example.test' } })
  const { status } = await fetch(ui.action, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  if (status !== 200) throw new Error('registration answered ' + status)
  await fault({ kind: 'slow-body', delayMs: 60000, path: '/health/alive' })
  fetch(publicUrl + '/health/alive').catch(() => {})
  await fault({ kind: 'refuse', port: 'admin' })
}
await Promise.all(all.map((kratos) => kratos.close()))
console.log('closed', JSON.stringify(readdirSync(process.env.FOLDER)))
`

export default async function (t: Test): Promise<void> {
  t.test('test kit', async (t) => {
    t.test('close leaves nothing that keeps the process running, and one file per database', async (t) => {
      const { ended, output } = run(t, ['--input-type=module', '-e', CLOSING], { FOLDER: t.testdir() }, TRANSPILED)
      t.strictSame(await ended, { code: 0, signal: null }, output())
      t.equal(output(), 'closed ["a.db","b.db","c.db"]\n')
    })

    t.test('many one after another leave nothing open', async (t) => {
      const KINDS = ['TCPServerWrap', 'TCPSocketWrap', 'Timeout']
      const open = (): string[] => process.getActiveResourcesInfo().filter((kind) => KINDS.includes(kind)).sort()
      const listeners = (): number => process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0)
      const before = { open: open(), listeners: listeners() }
      for (let n = 0; n < 30; n++) await (await startEmbeddedKratos()).close()
      // Node lists a closed handle until the turn after it.
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
      t.strictSame({ open: open(), listeners: listeners() }, before)
    })

    t.test('ten at once do not disturb each other', async (t) => {
      const all = await Promise.all(Array.from({ length: 10 }, async () => await start(t)))
      const answers = await Promise.all(all.map(async ({ publicUrl }) => await register(publicUrl, 'ada@example.test')))
      t.strictSame(answers.map(({ status }) => status), all.map(() => 200), 'the same address, at each of them')
      t.equal(new Set(answers.map(({ body }) => body['identity'].id)).size, 10)
      t.strictSame(all.map((kratos) => kratos.messages('ada@example.test').length), all.map(() => 1))
      await all[0]?.close()
      const rest = await Promise.all(all.slice(1).map(async ({ publicUrl }) => await call('GET', `${publicUrl}/health/ready`)))
      t.strictSame(rest.map(({ status }) => status), rest.map(() => 200), 'after one of them has closed')
    })

    t.test('sessions expire by its clock alone', async (t) => {
      let now = Date.UTC(2030, 0, 1)
      const kratos = await start(t, { clock: { now: () => now, sleep: async () => {} } })
      const { headers } = kratos.signIn(await kratos.createIdentity({ email: 'time@example.test' }))
      t.equal((await whoami(kratos.publicUrl, headers)).body['expires_at'], '2030-01-02T00:00:00Z')
      now += 24 * 3_600_000
      t.equal((await whoami(kratos.publicUrl, headers)).status, 401)
    })

    t.test('an old sign-in must be renewed before privileged changes', async (t) => {
      const kratos = await start(t)
      const identity = await kratos.createIdentity({ email: 'old@example.test' }, PASSWORD)
      const change = async (authenticatedAt: number): Promise<number> => {
        const { headers } = kratos.signIn(identity, { authenticatedAt, transport: 'token' })
        const init = await call('GET', `${kratos.publicUrl}/self-service/settings/api`, { headers })
        const body = { method: 'password', password: `${PASSWORD}-${authenticatedAt}` }
        return (
          await call('POST', `${kratos.publicUrl}/self-service/settings?flow=${init.body['id']}`, { body, headers })
        ).status
      }
      t.strictSame([await change(Date.now() - 3_600_000), await change(Date.now())], [403, 200])
    })

    t.test('messages are found by address in any case, newest first, with code and link', async (t) => {
      const kratos = await start(t)
      await register(kratos.publicUrl, 'ada@example.test')
      await submitFlow(kratos.publicUrl, 'recovery', { method: 'code', email: 'ada@example.test' })
      const [recovery, verification] = kratos.messages('Ada@Example.test')
      t.match(recovery, { template: 'recovery_code_valid', to: 'ada@example.test', code: /^\d{6}$/ })
      t.match(verification, {
        template: 'verification_code_valid',
        link: `${kratos.publicUrl}/self-service/verification?code=`,
      })
    })
  })

  t.test('faults', async (t) => {
    const kratos = await start(t)
    const alive = `${kratos.publicUrl}/health/alive`
    const statusOf = async (method: string, url: string): Promise<number> => (await call(method, url)).status
    const once500 = (options: Partial<FaultOptions>): FaultOptions => ({ kind: 'status', times: 1, ...options })

    t.test('apply only to the given method, path and port', async (t) => {
      const faults = await Promise.all([
        kratos.fault(once500({ path: /^\/admin\/identities/, port: 'admin', method: 'GET' })),
        kratos.fault(once500({ path: '/health/alive' })),
      ])
      t.equal(await statusOf('GET', `${kratos.publicUrl}/health/ready`), 200)
      t.equal(await statusOf('POST', `${kratos.adminUrl}/admin/identities`), 400)
      t.equal(await statusOf('GET', `${kratos.adminUrl}/admin/identities?page_size=1`), 500)
      t.equal(await statusOf('GET', `${kratos.adminUrl}/admin/identities`), 200)
      t.equal(await statusOf('GET', `${alive}?x=1`), 500)
      t.strictSame(faults.map(({ calls }) => calls), [1, 1])
    })

    t.test('are counted exactly for simultaneous requests, the oldest fault first', async (t) => {
      const first = await kratos.fault({ kind: 'status', status: 503, times: 3 })
      const second = await kratos.fault({ kind: 'rate-limit', retryAfter: 9 })
      const statuses = await Promise.all(Array.from({ length: 10 }, async () => await statusOf('GET', alive)))
      t.strictSame(
        [statuses.filter((status) => status === 503).length, statuses.filter((status) => status === 429).length],
        [3, 7],
      )
      t.strictSame([first.calls, second.calls], [3, 7])
      await second.clear()
      await second.clear()
      t.equal(await statusOf('GET', alive), 200)
    })

    t.test('answer with the given status, headers and body', async (t) => {
      await kratos.fault(once500({ status: 502, body: '<h1>Bad Gateway</h1>', headers: { 'Content-Type': 'text/html' } }))
      const answer = await fetch(alive)
      t.strictSame(
        [answer.status, answer.headers.get('content-type'), await answer.text()],
        [502, 'text/html', '<h1>Bad Gateway</h1>'],
      )
      await kratos.fault({ kind: 'garbage', body: 'SSH-2.0-OpenSSH\r\n', times: 1 })
      const socket = createConnection(Number(new URL(alive).port), '127.0.0.1').end(
        'GET /health/alive HTTP/1.1\r\nHost: x\r\n\r\n',
      )
      t.equal(String((await once(socket, 'data'))[0]), 'SSH-2.0-OpenSSH\r\n')
    })

    t.test('slow-headers delays the whole answer, slow-body only the body', async (t) => {
      const waits: Array<() => void> = []
      const slow = await start(t, {
        clock: {
          now: () => Date.now(),
          sleep: async () =>
            await new Promise((resolve) => {
              waits.push(resolve)
            }),
        },
      })
      const url = `${slow.publicUrl}/health/alive`
      await slow.fault({ kind: 'slow-body', times: 1 })
      const answer = await fetch(url)
      t.equal(answer.status, 200)
      const body = answer.json()
      t.equal(waits.length, 1)
      waits.pop()?.()
      t.strictSame(await body, { status: 'ok' })
      await slow.fault({ kind: 'slow-headers', times: 1 })
      let isAnswered = false
      const held = fetch(url).then(({ status }) => {
        isAnswered = true
        return status
      })
      while (waits.length === 0) await call('GET', `${slow.publicUrl}/health/ready`)
      t.notOk(isAnswered)
      waits.pop()?.()
      t.equal(await held, 200)
    })

    t.test('refused ports answer again when the last fault is cleared, but never after close', async (t) => {
      const other = await start(t)
      const url = `${other.publicUrl}/health/alive`
      const [one, two] = [
        await other.fault({ kind: 'refuse' }),
        await other.fault({ kind: 'refuse', path: '/sessions/whoami' }),
      ]
      const code = async (): Promise<string> => await fetch(url).then(() => 'answered', ({ cause }) => cause.code)
      await one.clear()
      t.equal(await code(), 'ECONNREFUSED')
      t.equal(await statusOf('GET', `${other.adminUrl}/health/alive`), 200, 'the other port answers')
      await two.clear()
      t.equal(await code(), 'answered')
      const last = await other.fault({ kind: 'refuse' })
      await other.close()
      await last.clear()
      t.equal(await code(), 'ECONNREFUSED')
    })

    t.test('that cannot be simulated are refused', async (t) => {
      await t.rejects(kratos.fault({ kind: 'slow' as 'reset' }), { message: /kind is one of refuse, reset/ })
      await t.rejects(kratos.fault({ kind: 'refuse', times: 1 }), { message: /cannot be counted/ })
      t.equal(await statusOf('GET', alive), 200)
    })
  })
}
