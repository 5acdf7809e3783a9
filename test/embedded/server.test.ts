import { spawn } from 'node:child_process'
import { pbkdf2Sync } from 'node:crypto'
import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { startEmbeddedKratos, type EmbeddedKratos, type EmbeddedKratosOptions } from '../../kratos/embedded/index.js'
import { transpiled } from '../support/process.js'
import { call, logIn, PASSWORD, register, whoami } from './client.js'

const FAST = { hashers: { bcrypt: { cost: 4 } } }

async function start (t: Test, options: EmbeddedKratosOptions = {}): Promise<EmbeddedKratos> {
  const kratos = await startEmbeddedKratos({ overrides: FAST, ...options })
  t.teardown(async () => await kratos.close())
  return kratos
}

/** Milliseconds of processor time, and the best of three, so that a busy machine does not matter. */
async function spent (work: () => unknown): Promise<number> {
  const tries: number[] = []
  for (let tried = 0; tried < 3; tried++) {
    const before = process.cpuUsage()
    await work()
    const { user, system } = process.cpuUsage(before)
    tries.push((user + system) / 1000)
  }
  return Math.min(...tries)
}

export default async function (t: Test): Promise<void> {
  t.test('embedded Kratos', async (t) => {
    t.test('starts with little work after import', async (t) => {
      // What takes 200 ms where it was measured, and as much more as this machine is slower.
      const yardstick = await spent(() => pbkdf2Sync('x', 'x', 330_000, 64, 'sha512'))
      const started = await spent(() => start(t))
      t.ok(started < yardstick, `${started.toFixed(0)} ms, ${yardstick.toFixed(0)} allowed`)
    })

    t.test('identifies itself in every answer and in its version', async (t) => {
      const kratos = await start(t)
      for (
        const url of [
          `${kratos.publicUrl}/health/alive`,
          `${kratos.publicUrl}/sessions/whoami`,
          `${kratos.adminUrl}/admin/version`,
        ]
      ) {
        const answer = await call('GET', url)
        t.equal(answer.headers.get('x-embedded-kratos'), kratos.version, url)
      }
      t.match(kratos.version, /embedded/)
    })

    t.test('several servers in one process are independent', async (t) => {
      const [one, two] = [await start(t), await start(t)]
      const registered = await register(one.publicUrl, 'ada@example.test')
      t.equal(registered.status, 200)
      const headers = { 'x-session-token': String(registered.body['session_token']) }
      t.equal((await whoami(one.publicUrl, headers)).status, 200)
      t.equal((await whoami(two.publicUrl, headers)).status, 401)
      t.equal((await register(two.publicUrl, 'ada@example.test')).status, 200)
    })

    t.test('uses its own address when the configuration has another port', async (t) => {
      const kratos = await start(t)
      const { body } = await call('GET', `${kratos.publicUrl}/self-service/login/api`)
      t.ok(String(body['ui'].action).startsWith(kratos.publicUrl))
      const kept = await start(t, { baseUrl: 'http://127.0.0.1:4433/' })
      t.ok(
        String((await call('GET', `${kept.publicUrl}/self-service/login/api`)).body['ui'].action).startsWith(
          'http://127.0.0.1:4433/',
        ),
      )
    })

    t.test('an Accept line of thousands of ranges is read as any other', async (t) => {
      const { publicUrl } = await start(t)
      for (const [accept, status] of [['application/json', 200], ['text/html', 303]] as const) {
        const headers = { accept: `${'a,'.repeat(7000)}${accept}` }
        const answer = await fetch(`${publicUrl}/self-service/login/browser`, { headers, redirect: 'manual' })
        t.equal(answer.status, status, accept)
      }
    })

    t.test('200 parallel registrations of one e-mail give one identity and 199 duplicate errors', async (t) => {
      const kratos = await start(t)
      const answers = await Promise.all(
        Array.from({ length: 200 }, async () => await register(kratos.publicUrl, 'many@example.test')),
      )
      const duplicates = answers.filter(({ status }) => status === 400)
      t.equal(answers.filter(({ status }) => status === 200).length, 1)
      t.equal(duplicates.length, 199)
      t.ok(duplicates.every(({ body }) => body['ui'].messages[0].id === 4000007))
      t.equal((await call('GET', `${kratos.adminUrl}/admin/identities`)).body['length'], 1)
    })

    t.test('a login with an unknown identifier takes as long as one with a wrong password', async (t) => {
      const kratos = await start(t, { overrides: { hashers: { bcrypt: { cost: 10 } } } })
      await kratos.createIdentity({ email: 'time@example.test' }, PASSWORD)
      const timeOf = (identifier: string): Promise<number> =>
        spent(async () => t.equal((await logIn(kratos.publicUrl, identifier, 'wrong-password')).status, 400))
      const times = { known: await timeOf('time@example.test'), unknown: await timeOf('nobody@example.test') }
      t.ok(times.unknown > times.known / 3, JSON.stringify(times))
    })

    t.test('keeps a database file when it restarts', async (t) => {
      const database = join(t.testdir(), 'kratos.db')
      const first = await startEmbeddedKratos({ overrides: FAST, database })
      const { body } = await register(first.publicUrl, 'stays@example.test')
      await first.close()
      const second = await start(t, { database })
      t.equal((await whoami(second.publicUrl, { 'x-session-token': String(body['session_token']) })).status, 200)
      t.equal((await logIn(second.publicUrl, 'stays@example.test')).status, 200)
    })

    t.test('loses no acknowledged identity when its process is killed', async (t) => {
      const database = join(t.testdir(), 'kratos.db')
      const child = spawn(
        process.execPath,
        [transpiled('test/embedded/registering-child.ts'), database],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      )
      const acknowledged: string[] = []
      for await (const line of createInterface({ input: child.stdout })) {
        acknowledged.push(line)
        if (acknowledged.length === 12) child.kill('SIGKILL')
      }
      const kratos = await start(t, { database })
      t.ok(acknowledged.length >= 12)
      for (const email of acknowledged) t.equal((await logIn(kratos.publicUrl, email)).status, 200, email)
    })

    t.test('who sends too long a body and reads only then gets the answer, and the connection ends', async (t) => {
      const kratos = await start(t)
      const { port } = new URL(kratos.publicUrl)
      for (let turn = 0; turn < 5; turn++) {
        const socket = createConnection(Number(port), '127.0.0.1').on('error', () => {}).setEncoding('latin1').pause()
        const closed = once(socket, 'close')
        let raw = ''
        socket.on('data', (text: string) => {
          raw += text
        }).pause()
        const length = 24 * 1024 * 1024
        socket.write(`POST /self-service/login?flow=x HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`)
        socket.write(' '.repeat(length), () => socket.resume())
        await closed
        t.match(raw, /^HTTP\/1\.1 400 [^]*connection: close/i)
      }
    })

    t.test('close ends idle keep-alive connections and hanging requests', async (t) => {
      const kratos = await startEmbeddedKratos()
      const agent = new Agent({ keepAlive: true })
      const [answer] = await once(get(`${kratos.publicUrl}/health/alive`, { agent }), 'response')
      answer.resume()
      await once(answer, 'end')
      await kratos.fault({ kind: 'slow-headers', delayMs: 60_000 })
      const hanging = call('GET', `${kratos.publicUrl}/health/alive`)
      await new Promise((resolve) => {
        setTimeout(resolve, 20)
      })
      await kratos.close()
      await t.rejects(hanging, 'before its answer was due')
      const refused = createConnection(Number(new URL(kratos.publicUrl).port), '127.0.0.1')
      const [error] = await once(refused, 'error')
      t.equal(error.code, 'ECONNREFUSED')
      agent.destroy()
    })
  })

  t.test('embedded Kratos helpers', async (t) => {
    t.test('createIdentity and signIn make sessions for tokens and cookies', async (t) => {
      const kratos = await start(t)
      const identity = await kratos.createIdentity({ email: 'helper@example.test' }, PASSWORD)
      for (const transport of ['token', 'cookie'] as const) {
        const session = kratos.signIn(identity, { transport })
        const { status, body } = await whoami(kratos.publicUrl, session.headers)
        t.equal(status, 200, transport)
        t.equal(body['identity'].id, identity.id)
      }
      t.equal((await logIn(kratos.publicUrl, 'helper@example.test')).status, 200)
      await t.rejects(kratos.createIdentity({ email: 'nope' }))
      await t.rejects(kratos.createIdentity({ email: 'helper@example.test' }))
    })

    t.test('signIn makes a session of the given level and time', async (t) => {
      const kratos = await start(t)
      const identity = await kratos.createIdentity({ email: 'aal@example.test' })
      const authenticatedAt = Date.now() - 3_600_000
      const { body } = await whoami(kratos.publicUrl, kratos.signIn(identity, { aal: 'aal2', authenticatedAt }).headers)
      t.equal(body['authenticator_assurance_level'], 'aal2')
      t.equal(Date.parse(String(body['authenticated_at'])), authenticatedAt)
    })

    t.test('expire ends a session', async (t) => {
      const kratos = await start(t)
      const session = kratos.signIn(await kratos.createIdentity({ email: 'ends@example.test' }))
      kratos.expire(session)
      t.equal((await whoami(kratos.publicUrl, session.headers)).status, 401)
    })

    t.test('messages shows the code of a registration', async (t) => {
      const kratos = await start(t)
      await register(kratos.publicUrl, 'mail@example.test')
      t.match(kratos.messages('mail@example.test'), [{ template: 'verification_code_valid', code: /^\d{6}$/ }])
      t.strictSame(kratos.messages('other@example.test'), [])
    })

    t.test('fault simulates each kind the given number of times', async (t) => {
      const kratos = await start(t)
      const alive = `${kratos.publicUrl}/health/alive`
      const status = await kratos.fault({ path: '/health/alive', kind: 'status', status: 503, times: 2 })
      t.equal((await call('GET', alive)).status, 503)
      t.equal((await call('GET', `${kratos.publicUrl}/health/ready`)).status, 200)
      t.equal((await call('GET', alive)).status, 503)
      t.equal((await call('GET', alive)).status, 200)
      t.equal(status.calls, 2)
      await kratos.fault({ kind: 'rate-limit', retryAfter: 7, times: 1 })
      const limited = await call('GET', alive)
      t.strictSame([limited.status, limited.headers.get('retry-after')], [429, '7'])
      for (const kind of ['reset', 'garbage'] as const) {
        await kratos.fault({ kind, times: 1 })
        await t.rejects(call('GET', alive), kind)
      }
      for (const kind of ['slow-headers', 'slow-body'] as const) {
        await kratos.fault({ kind, delayMs: 80, times: 1 })
        const before = performance.now()
        t.equal((await call('GET', alive)).status, 200)
        t.ok(performance.now() - before >= 75, kind)
      }
      const refused = await kratos.fault({ kind: 'refuse' })
      await t.rejects(call('GET', alive), 'refuse')
      await refused.clear()
      t.equal((await call('GET', alive)).status, 200)
    })
  })
}
