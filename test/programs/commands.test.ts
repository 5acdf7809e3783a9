import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { parse } from 'yaml'
import { startEmbeddedKratos } from '../../kratos/embedded/index.js'
import { openStore } from '../../src/service/store/store.js'
import { ENVIRONMENT, temporaryFolder, WEBHOOK_KEY } from '../support/app.js'
import { ROOT, run, transpiled } from '../support/process.js'
import { runService } from '../support/service-command.js'

const SERVICE = transpiled('src/cli/service.ts')
const PLUGIN = transpiled('src/cli/fastify-kratos.ts')

interface Report {
  findings: Array<{ check: string, severity: string, what: string, change: string }>
  looked: string
}

/** The repository's own kratos.yml, which prints its secrets, and an embedded Kratos that runs with it. */
async function startShipped (t: Test) {
  const file = join(ROOT, 'kratos/kratos.yml')
  const config = parse(readFileSync(file, 'utf8'), { merge: true })
  const kratos = await startEmbeddedKratos({ config, folder: join(ROOT, 'kratos'), watchCourier: false })
  t.teardown(() => kratos.close())
  return { file, kratos }
}

const SUBSCRIBER = 'webhook example.org 12345678'

/** Two events that a subscriber did not take; their ids. */
async function makeDeadLetters (url: string): Promise<[string, string]> {
  const store = await openStore({ url, replica: 'one' })
  const owner = 'owner'
  await store.subscriptions.take(SUBSCRIBER, owner, await store.subscriptions.lease(SUBSCRIBER))
  await store.events.record([{ type: 'session.ended' }, { type: 'session.ended' }])
  const events = await store.subscriptions.next(SUBSCRIBER, 2)
  const left = events.map(({ position, identity_id: identityId }) =>
    ({ position, identityId, attempts: 10, nextAt: null, isDead: true, error: 'HTTP_500' }))
  await store.subscriptions.advance(SUBSCRIBER, owner, left.at(-1)?.position ?? 0, left)
  await store.close()
  const [first, second] = events.map(({ id }) => id)
  return [first ?? '', second ?? '']
}

export default async function (t: Test): Promise<void> {
  t.test('service doctor', async (t) => {
    const folder = await temporaryFolder(t)
    const env = { ...ENVIRONMENT, DATABASE_URL: join(folder, 'app.db') }
    const doctor = (more: Record<string, string>, ...args: string[]) => runService(['doctor', ...args], { ...env, ...more })

    t.test('finds what is printed, in plain words and as JSON; status 1 with an error', async (t) => {
      const { file, kratos } = await startShipped(t)
      const urls = { KRATOS_PUBLIC_URL: kratos.publicUrl, KRATOS_ADMIN_URL: kratos.adminUrl }
      const asText = run(t, [SERVICE, 'doctor', '--kratos-config', file], { ...env, ...urls })
      t.equal((await asText.ended).code, 1)
      t.match(asText.output(), /ERROR {3}secrets\.cookie is printed.*\n {8}-> make a new one/)
      t.match(asText.output(), /looked at settings, a running Kratos, the database and its configuration\n$/)
      const asJson = await doctor(urls, '--json', '--kratos-config', file)
      t.equal(asJson.code, 1)
      const { findings } = JSON.parse(asJson.output) as Report
      const errors = findings.filter(({ severity }) => severity === 'error').map(({ check }) => check)
      t.same(errors.sort(), ['hook-key-printed', 'printed-secrets', 'printed-secrets', 'webhook-key'])
      t.notMatch(asJson.output, new RegExp(`${WEBHOOK_KEY}|development-cookie-secret`))
    })

    t.test('says what keeps the service from its start', async (t) => {
      const { output, code } = await doctor({ PORT: 'x' }, '--json')
      t.equal(code, 1)
      t.match(JSON.parse(output), { findings: [{ check: 'configuration', what: /^The service does not start: PORT is not valid/ }] })
    })

    t.test('refuses two replicas on SQLite', async (t) => {
      const { output } = await doctor({}, '--json', '--replicas', '2')
      t.ok((JSON.parse(output) as Report).findings.some(({ check, severity }) => check === 'sqlite' && severity === 'error'))
    })

    t.test('says what it does not understand, with status 2', async (t) => {
      for (const args of [['--jsno'], ['--kratos-config', join(folder, 'absent.yml')], ['--replicas', 'x']]) {
        t.match(await doctor({}, ...args), { code: 2, output: /^doctor: / }, args.join(' '))
      }
    })
  })

  t.test('service', async (t) => {
    t.test('names its commands', async (t) => {
      const help = run(t, [SERVICE, '--help'])
      t.equal((await help.ended).code, 0)
      for (const name of ['serve', 'migrate', 'doctor']) t.match(help.output(), name)
      const unknown = run(t, [SERVICE, 'migarte'])
      t.equal((await unknown.ended).code, 2)
      t.match(unknown.output(), /^migarte: there is no command migarte/)
    })

    t.test('migrate makes a SQLite file, and says why when it cannot', async (t) => {
      const folder = await temporaryFolder(t)
      const env = { DATABASE_URL: join(folder, 'app.db') }
      const { output, ended } = run(t, [SERVICE, 'migrate'], env)
      t.equal((await ended).code, 0)
      t.match(output(), /^Migrated: 0001_/)
      t.match(await runService(['migrate'], env), { code: 0, output: /^Nothing to migrate/ })
      writeFileSync(join(folder, 'app.db'), 'no database')
      chmodSync(join(folder, 'app.db'), 0o600)
      t.match(await runService(['migrate'], env), { code: 1, output: /^migrate: / })
    })

    t.test('dead-letters lists them and has them tried anew', async (t) => {
      const url = join(await temporaryFolder(t), 'app.db')
      const [first, second] = await makeDeadLetters(url)
      const command = (...args: string[]) =>
        runService(['dead-letters', ...args], { ...ENVIRONMENT, DATABASE_URL: url })
      const listed = await command()
      t.equal(listed.code, 1)
      t.match(listed.output, new RegExp(`${first} {2}session\\.ended .* 10 attempts {2}HTTP_500 {2}${SUBSCRIBER}\n`))
      t.match(listed.output, /2 dead letters\n$/)
      t.match(await command('list', '--subscriber', 'nobody'), { code: 0, output: /^0 dead letters/ })
      t.match(await command('replay', SUBSCRIBER, '--event', first), { code: 0, output: /^1 of / })
      const { output } = await command('list', '--json', '--subscriber', SUBSCRIBER)
      t.match(JSON.parse(output.split('\n')[0] ?? ''), { subscriber: SUBSCRIBER, event: { id: second } })
      t.match(await command('replay', SUBSCRIBER), { code: 0, output: /^1 of / })
      t.match(await command('replay', SUBSCRIBER), { code: 1, output: /^0 of / })
      t.match(await command(), { code: 0, output: /^0 dead letters/ })
      for (const wrong of [['replay'], ['purge'], ['replay', 'a', '--event', 'x'], ['replay', 'a', 'b'], ['list', 'a']]) {
        t.match(await command(...wrong), { code: 2, output: /^dead-letters: / }, wrong.join(' '))
      }
    })

    t.test('serve warns after its start of what the doctor would find at once', async (t) => {
      const folder = await temporaryFolder(t)
      const { printed, child, ended } = run(t, [SERVICE], {
        ...ENVIRONMENT,
        START_CHECKS: 'true',
        LOG_LEVEL: 'warn',
        HOST: '127.0.0.1',
        PORT: '0',
        DATABASE_URL: join(folder, 'app.db'),
        LOGIN_LIMIT_PER_USER: '3',
      })
      await printed(/"check":"kratos-admin-url"/)
      await printed(/"event":"misconfigured"[^\n]*LOGIN_LIMIT_PER_USER is set, and nothing reads it/)
      child.kill('SIGTERM')
      t.equal((await ended).code, 0)
    })
  })

  t.test('fastify-kratos doctor', async (t) => {
    t.test('needs no database, and speaks of options', async (t) => {
      const { file, kratos } = await startShipped(t)
      const urls = ['--public-url', kratos.publicUrl, '--browser-url', kratos.publicUrl, '--admin-url', 'http://127.0.0.1:10']
      const { output, ended } = run(t, [PLUGIN, 'doctor', '--json', ...urls, '--origin', 'http://localhost:3001', '--cookie-name', 'other', '--kratos-config', file])
      t.equal((await ended).code, 1)
      const { findings } = JSON.parse(output()) as Report
      t.match(findings.find(({ check }) => check === 'cookie-name'), { what: /and cookieName is other/ })
      t.match(findings.find(({ check }) => check === 'kratos-admin-url'), { what: /At adminUrl answers nobody/ })
      t.notOk(findings.some(({ check }) => check.startsWith('webhook-missing')), 'without a webhook none is missed')
    })

    t.test('says what is missing, with its help', async (t) => {
      const { output, ended } = run(t, [PLUGIN, 'doctor'])
      t.equal((await ended).code, 2)
      t.match(output(), /^fastify-kratos doctor: --public-url is missing/)
    })
  })
}
