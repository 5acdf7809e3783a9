import { execFileSync } from 'node:child_process'
import { createServer, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import { ENVIRONMENT, temporaryFolder } from '../support/app.js'
import { startKratos } from '../support/kratos.js'
import { freePorts, type Program, ROOT, run, transpiled } from '../support/process.js'
import { until } from '../support/until.js'

const SERVER = transpiled('src/server.ts')

/** @param openFiles soft limit of open files; the system's own if it is not given @param flags for Node */
async function startServer (
  t: Test,
  env: Record<string, string>,
  { openFiles, flags = [] }: { openFiles?: number, flags?: string[] } = {},
): Promise<Program & { base: string }> {
  const [port = 0] = await freePorts(1)
  const full = {
    ...ENVIRONMENT,
    LOG_LEVEL: 'info',
    HOST: '127.0.0.1',
    PORT: String(port),
    DATABASE_URL: join(await temporaryFolder(t), 'app.db'),
    ...env,
  }
  const program = openFiles === undefined
    ? run(t, [...flags, SERVER], full)
    : run(t, ['-c', `ulimit -n ${openFiles} && exec "$0" "$@"`, process.execPath, ...flags, SERVER], full, ROOT, 'sh')
  await program.printed(/Server listening/)
  return { ...program, base: `http://127.0.0.1:${port}` }
}

interface SlowKratos {
  url: string
  /** Resolves when somebody waits for it. */
  asked: Promise<unknown>
  answer: () => void
}

/** A Kratos that knows nobody, and says so when the test wants it. */
async function startSlowKratos (t: Test): Promise<SlowKratos> {
  const waiting: ServerResponse[] = []
  let isSlow = true
  const refuse = (response: ServerResponse): void => {
    response.writeHead(401, { 'content-type': 'application/json' }).end('{"error":{"code":401,"id":"session_inactive"}}')
  }
  const server = createServer((_request, response) => {
    if (isSlow) waiting.push(response)
    else refuse(response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() =>
    new Promise((resolve) => {
      server.close(resolve)
      server.closeAllConnections()
    }),
  )
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    asked: once(server, 'request'),
    answer: () => {
      isSlow = false
      waiting.forEach(refuse)
    },
  }
}

/** Nobody is let in any more. */
const isDeaf = (base: string): Promise<boolean> => fetch(base).then(() => false, () => true)

const askWhoami = (base: string): Promise<Response> =>
  fetch(`${base}/api/auth/whoami`, { headers: { 'x-session-token': `ory_st_${'a'.repeat(32)}` } })

export default async function (t: Test): Promise<void> {
  t.test('src/server.ts', async (t) => {
    /** Started first and awaited last: these cases are about waiting. */
    const stuck = (async () => {
      const slow = await startSlowKratos(t)
      const { base, child, ended, output } = await startServer(t, { KRATOS_PUBLIC_URL: slow.url })
      askWhoami(base).catch(() => {})
      await slow.asked
      const start = performance.now()
      child.kill('SIGTERM')
      const { code } = await ended
      return { code, ms: performance.now() - start, output: output() }
    })()
    const leaving = (async () => {
      const kratos = await startKratos(t)
      const { base, child, ended, output } = await startServer(t, {
        KRATOS_PUBLIC_URL: kratos.publicUrl,
        KRATOS_ADMIN_URL: kratos.adminUrl,
        SHUTDOWN_DELAY_MS: '9000',
      })
      child.kill('SIGTERM')
      const readiness = async (): Promise<number> => (await fetch(`${base}/health/ready`)).status
      while (await readiness() === 200);
      const statuses = [await readiness(), (await fetch(`${base}/api/auth/whoami`)).status]
      const { code } = await ended
      return { base, statuses, code, output: output() }
    })()

    await t.test('does not start without its required variables, all named at once (L12)', async (t) => {
      const { ended, output } = run(t, [SERVER])
      t.equal((await ended).code, 1)
      for (const name of ['PUBLIC_URL', 'CORS_ORIGINS', 'WEBHOOK_KEY', 'KRATOS_PUBLIC_URL', 'KRATOS_ADMIN_URL']) { t.match(output(), new RegExp(`^  ${name} is missing`, 'm')) }
    })

    await t.test('refuses printed keys and switched-off TLS verification together with bad values, printing no value (F05, L12)', async (t) => {
      const env = {
        WEBHOOK_KEY: 'development-webhook-key-printed-in-kratos-yml',
        CORS_ORIGINS: '*',
        PORT: 'many',
        NODE_TLS_REJECT_UNAUTHORIZED: '0',
      }
      const { ended, output } = run(t, [SERVER], { ...ENVIRONMENT, ...env })
      t.equal((await ended).code, 1)
      for (const name of Object.keys(env)) t.match(output(), new RegExp(`^  ${name} is not valid`, 'm'))
      t.match(output(), /^ {2}PORT is not valid: .*a whole number from 0 to 65535$/m)
      t.notMatch(output(), /printed-in-kratos-yml|many/)
    })

    await t.test('says which port is in use', async (t) => {
      const other = createServer().listen(0, '127.0.0.1')
      t.teardown(() => other.close())
      await once(other, 'listening')
      const { port } = other.address() as AddressInfo
      const database = join(await temporaryFolder(t), 'a.db')
      const env = { ...ENVIRONMENT, HOST: '127.0.0.1', PORT: String(port), DATABASE_URL: database }
      const { ended, output } = run(t, [SERVER], env)
      t.equal((await ended).code, 1)
      t.match(output(), new RegExp(`^fastify-kratos cannot start: port ${port} of 127\\.0\\.0\\.1 is in use`, 'm'))
    })

    await t.test('listens on one address of a name: on others its connections would have no limit', async (t) => {
      // All of 127/8 is this machine: a name with two addresses, wherever the test runs.
      const twoAddresses = `import dns from 'node:dns'
        import { syncBuiltinESMExports } from 'node:module'
        const addresses = [{ address: '127.0.0.2', family: 4 }, { address: '127.0.0.3', family: 4 }]
        dns.lookup = (name, options, done = options) =>
          process.nextTick(done, null, options.all ? addresses : name === 'localhost' ? '127.0.0.2' : name, 4)
        dns.promises.lookup = async (name, { all } = {}) => all ? addresses : addresses[0]
        syncBuiltinESMExports()`
      const [port = 0] = await freePorts(1)
      const env = {
        ...ENVIRONMENT,
        LOG_LEVEL: 'info',
        HOST: 'localhost',
        PORT: String(port),
        DATABASE_URL: join(await temporaryFolder(t), 'a.db'),
      }
      const { printed } = run(t, ['--import', `data:text/javascript,${encodeURIComponent(twoAddresses)}`, SERVER], env)
      await printed(/Server listening/)
      const isThere = async (address: string): Promise<boolean> =>
        await fetch(`http://${address}:${port}/health/alive`).then(({ ok }) => ok, () => false)
      t.same([await isThere('127.0.0.2'), await isThere('127.0.0.3')], [true, false])
    })

    await t.test('a database file that cannot be used is one clear line and exit code 1 (K02)', async (t) => {
      const { ended, output } = run(t, [SERVER], { ...ENVIRONMENT, DATABASE_URL: await temporaryFolder(t) })
      t.equal((await ended).code, 1)
      t.match(output(), /^fastify-kratos cannot start: .+\n$/m)
    })

    await t.test('has V8 make no part of a request in the old generation', async (t) => {
      // V8 says after a collection what it decided about the lines of code whose objects it has met.
      const atEnd = `process.on('exit', () => {
        process.stdout.write('at the end')
        const kept = []
        const make = (n) => [n, n]
        // More than once: at any of them the compiler may be about to exchange the code of the line.
        for (let round = 0; round < 10; round++) {
          for (let n = 0; n < 5000; n++) kept.push(make(n))
          gc({ type: 'minor' })
        }
      })`
      const hook = `data:text/javascript,${encodeURIComponent(atEnd)}`
      const flags = ['--expose-gc', '--trace-pretenuring-statistics', '--import', hook]
      const saidAtEnd = async (file: string): Promise<string | undefined> => {
        const { ended, output } = run(t, [...flags, file])
        await ended
        return output().split('at the end')[1]
      }
      t.match(await saidAtEnd(transpiled('src/config.ts')), /pretenuring/)
      t.notMatch(await saidAtEnd(SERVER), /pretenuring/)
    })

    await t.test('has V8 give back the memory of a burst once it has been quiet for a while', async (t) => {
      // V8 says, each time it looks, how much is allocated and whether it waits for that to be little ("foreground").
      const options = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' })
      const trace = ['--trace-memory-reducer', '--trace-gc-verbose'].find((option) => options.includes(option)) ?? ''
      const flags = [trace, '--gc-memory-reducer-start-delay-ms=100', '--expose-gc']
      const burst = `process.once('SIGWINCH', () => {
        process.stdout.write('the burst')
        const made = []
        for (let n = 0; n < 1e5; n++) made.push({ n })
        setImmediate(gc)
      })`
      flags.push(`--import=data:text/javascript,${encodeURIComponent(burst)}`)
      const { child, printed, output } = await startServer(t, { KRATOS_PUBLIC_URL: 'http://127.0.0.1:1' }, { flags })
      child.kill('SIGWINCH')
      await printed(/the burst[^]*Memory reducer: \w+ alloc, background/)
      t.match(output(), /the burst[^]*Memory reducer: \w+ alloc, foreground/, 'and not before')
    })

    await t.test('serves in front of Kratos, logs one line a request, and ends at once on SIGTERM with idle keep-alive clients (L01)', async (t) => {
      const kratos = await startKratos(t)
      const { base, child, ended, output, printed } = await startServer(t, {
        KRATOS_PUBLIC_URL: kratos.publicUrl,
        KRATOS_ADMIN_URL: kratos.adminUrl,
      })
      t.equal((await fetch(`${base}/health/ready`)).status, 200)
      const answer = await fetch(`${base}/api/auth/whoami?token=secret`)
      t.equal(answer.status, 401)
      await printed(new RegExp(answer.headers.get('x-request-id') ?? '-'))
      const lines = output().split('\n').filter((line) => line.includes(answer.headers.get('x-request-id') ?? '-'))
      t.equal(lines.length, 1)
      t.match(JSON.parse(lines[0] ?? '{}'), { event: 'request', method: 'GET', route: '/api/auth/whoami', status: 401 })
      t.notMatch(lines[0], /secret/)

      const idle = connect(Number(new URL(base).port), '127.0.0.1')
      idle.write('GET /health/alive HTTP/1.1\r\nHost: x\r\n\r\n')
      await once(idle, 'data')
      child.kill('SIGTERM')
      t.equal((await ended).code, 0)
      t.notMatch(output(), 'killed by timeout', 'it did not wait for the client')
    })

    await t.test('keeps files for itself when clients take every connection they can get', {
      skip: process.platform === 'win32' && 'no limit of open files',
    }, async (t) => {
      const kratos = await startKratos(t)
      // Below this the loader itself may run out of files.
      const { base, printed } = await startServer(t, { KRATOS_PUBLIC_URL: kratos.publicUrl }, { openFiles: 500 })
      const sockets = Array.from(
        { length: 300 },
        () => connect(Number(new URL(base).port), '127.0.0.1').on('error', () => {}),
      )
      t.teardown(() => sockets.forEach((socket) => socket.destroy()))
      await printed(/"event":"connections_closed"/)
      t.equal((await fetch(`${base}/health/ready`)).status, 200, 'there is room for one more, and a socket for Kratos')
    })

    await t.test('finishes a request in flight before it ends, and closes its connection (L02)', async (t) => {
      const slow = await startSlowKratos(t)
      const { base, child, ended, output } = await startServer(t, { KRATOS_PUBLIC_URL: slow.url })
      const pending = askWhoami(base)
      await slow.asked
      child.kill('SIGTERM')
      await until(() => isDeaf(base))
      slow.answer()
      const answer = await pending
      t.equal(answer.status, 401)
      t.equal(answer.headers.get('connection'), 'close')
      const { code } = await ended
      t.equal(code, 0, output())
    })

    await t.test('tells the load balancer first, and serves on until it has had its time (L05)', async (t) => {
      const { base, statuses, code, output } = await leaving
      t.same(statuses, [503, 401], 'not ready, and who was sent here before is answered')
      t.equal(code, 0, output)
      await t.rejects(fetch(base), 'nobody listens any more')
    })

    await t.test('tells start, signal and end in one line each, with version and settings and no secret', async (t) => {
      const kratos = await startKratos(t)
      const secrets = { METRICS_TOKEN: 'a-metrics-token-of-the-test-suite-0001', WEBHOOK_KEY: ENVIRONMENT['WEBHOOK_KEY'] ?? '' }
      const { child, ended, output } = await startServer(t, {
        ...secrets,
        HOST: '0.0.0.0',
        KRATOS_PUBLIC_URL: kratos.publicUrl,
        KRATOS_ADMIN_URL: kratos.adminUrl,
      })
      child.kill('SIGTERM')
      t.equal((await ended).code, 0)
      const lines = output().trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
      const told = lines.filter(({ event }) => ['started', 'stopping', 'stopped'].includes(String(event)))
      t.same(told.map(({ event }) => event), ['started', 'stopping', 'stopped'])
      for (const line of told) {
        const settings = { METRICS_TOKEN: 'set', DATABASE_URL: 'sqlite', SHUTDOWN_DELAY_MS: 0 }
        t.match(line, { version: /^\d+\.\d+\.\d+/, settings })
      }
      t.match(told.slice(1), [{ signal: 'SIGTERM' }, { code: 0, ms: Number }])
      t.equal(lines.filter(({ msg }) => /listening/i.test(String(msg))).length, 1, 'one line, however many addresses')
      for (const secret of Object.values(secrets)) t.notOk(output().includes(secret))
    })

    await t.test('a second SIGTERM drops nothing that is in flight (L03)', async (t) => {
      const slow = await startSlowKratos(t)
      const { base, child, ended, output, printed } = await startServer(t, { KRATOS_PUBLIC_URL: slow.url })
      const pending = askWhoami(base)
      await slow.asked
      child.kill('SIGTERM')
      await printed(/"event":"stopping"/)
      child.kill('SIGTERM')
      slow.answer()
      t.equal((await pending).status, 401)
      t.equal((await ended).code, 0, output())
    })

    await t.test('does not wait for a stuck request for ever: after ten seconds it ends, says so and fails (L03)', async (t) => {
      const { code, ms, output } = await stuck
      t.equal(code, 1)
      t.ok(ms >= 9900, `after ${ms} ms`)
      t.match(output, /"level":50,.*"event":"stopped","code":1.*killed by timeout/)
    })

    for (
      const [name, fault] of [['an uncaught error', 'throw new Error("by chance")'], [
        'a rejection that nobody handles',
        'Promise.reject(new Error("by chance"))',
      ], ['a rejection with something else', 'Promise.reject("by chance")']]
    ) {
      await t.test(`${name} ends it with a failure at once, logged once, whoever is being served (L10)`, async (t) => {
        const slow = await startSlowKratos(t)
        const inject = `process.on('SIGWINCH', () => { ${fault} })`
        const { base, child, ended, output } = await startServer(t, {
          KRATOS_PUBLIC_URL: slow.url,
          SHUTDOWN_DELAY_MS: '30000',
          NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(inject)}`,
        })
        const served = t.rejects(askWhoami(base), 'nobody waits for who is being served')
        await slow.asked
        child.kill('SIGWINCH')
        t.equal((await ended).code, 1)
        await served
        t.notMatch(output(), 'killed by timeout', 'nor for the load balancer')
        t.equal(output().match(/"event":"uncaught"/g)?.length, 1, output())
        t.match(output(), /"level":60,.*"type":"Error".*by chance/)
      })
    }
  })
}
