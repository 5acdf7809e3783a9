import { randomBytes, scryptSync } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { EmbeddedKratos } from '../../kratos/embedded/index.js'
import { readLine, refusalOf } from '../../src/service/import/line.js'
import { temporaryFolder } from '../support/app.js'
import { PASSWORD, startKratos } from '../support/kratos.js'
import { run, transpiled } from '../support/process.js'
import { runService } from '../support/service-command.js'
import { until } from '../support/until.js'

const SERVICE = transpiled('src/cli/service.ts')
/** bcrypt, cost 4, of `password123`. */
const HASH = '$2a$04$U/ehsbRp4rXyHhOrJwqT1OmeWmmDvsqTYHwN9LpHPXqVdVDXcP7gu'
const BATCH = '4'

const person = (n: number, more: object = {}): string =>
  JSON.stringify({
    external_id: `old-${n}`,
    traits: { email: `p${n}@example.org` },
    credentials: { password: { config: { hashed_password: HASH } } },
    ...more,
  })

async function identities (kratos: EmbeddedKratos): Promise<Array<{ external_id?: string }>> {
  return await (await fetch(`${kratos.adminUrl}/admin/identities?page_size=500`)).json() as never
}

async function setUp (t: Test, lines: string[]) {
  const kratos = await startKratos(t)
  const file = join(await temporaryFolder(t), 'people.jsonl')
  await writeFile(file, lines.map((line) => `${line}\n`).join(''))
  const command = ['import', file, '--admin-url', kratos.adminUrl, '--batch', BATCH]
  const start = () => run(t, [SERVICE, ...command])
  const runOnce = async (...args: string[]): Promise<{ code: number, text: string }> => {
    const { code, output } = await runService([...command, ...args])
    return { code, text: output }
  }
  return { kratos, file, start, runOnce }
}

export default async function (t: Test): Promise<void> {
  t.test('service import', async (t) => {
    t.test('creates each identity, whose password works, and may be repeated', async (t) => {
      const { kratos, runOnce } = await setUp(t, Array.from({ length: 10 }, (_, n) => person(n)))
      t.match(await runOnce(), { code: 0, text: /^10 created, 0 present already, 0 refused\n$/ })
      t.match(await runOnce(), { code: 0, text: /^0 created, 10 present already, 0 refused\n$/ })
      t.equal((await identities(kratos)).length, 10)
    })

    t.test("takes a hash of Better Auth's in the notation of docs/import.md", async (t) => {
      const salt = randomBytes(16).toString('hex')
      const key = scryptSync(PASSWORD.normalize('NFKC'), salt, 64, { N: 16384, r: 16, p: 1, maxmem: 2 ** 26 })
      const hash = `$scrypt$ln=16384,r=16,p=1$${Buffer.from(salt).toString('base64')}$${key.toString('base64')}`
      const line = person(1, { credentials: { password: { config: { hashed_password: hash } } } })
      const { kratos, runOnce } = await setUp(t, [line])
      t.match(await runOnce(), { code: 0 })
      const { ui } = await (await fetch(`${kratos.publicUrl}/self-service/login/api`)).json() as { ui: { action: string } }
      const body = JSON.stringify({ method: 'password', identifier: 'p1@example.org', password: PASSWORD })
      const { status } = await fetch(ui.action, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
      t.equal(status, 200)
    })

    t.test('killed three times and started again, it has lost none and doubled none', async (t) => {
      const count = 240
      const { kratos, file, start, runOnce } = await setUp(t, Array.from({ length: count }, (_, n) => person(n)))
      const progress = (): Promise<string> => readFile(`${file}.resume`, 'utf8').catch(() => '')
      for (let kill = 0; kill < 3; kill++) {
        const before = await progress()
        const { child, ended } = start()
        await until(async () => await progress() !== before || child.exitCode !== null)
        child.kill('SIGKILL')
        await ended
      }
      t.match(await progress(), /^\d+ 0\n$/, 'numbers and nothing else')
      t.equal((await stat(`${file}.resume`)).mode & 0o777, 0o600)
      t.match(await runOnce(), { code: 0 })
      const ids = (await identities(kratos)).map(({ external_id: id }) => id)
      t.equal(ids.length, count)
      t.same(new Set(ids), new Set(Array.from({ length: count }, (_, n) => `old-${n}`)))
      t.equal(await progress(), '', 'the file goes with the end')
    })

    t.test('names line and reason of what is refused, and no value', async (t) => {
      const secret = 'CANARY'
      const lines = [
        person(1),
        '{"no json',
        JSON.stringify({ traits: { email: `${secret}@example.org` } }),
        person(2, { traits: { email: `${secret} no email` } }),
        person(3, { credentials: { password: { config: { hashed_password: secret } } } }),
        person(4, { traits: { email: 'p1@example.org' } }),
        person(1, { traits: { email: `${secret}@example.org` } }),
        person(5, { credentials: { password: { config: { password: secret } } } }),
        person(6, { state: 'inactive' }),
        person(7),
      ]
      const { kratos, runOnce } = await setUp(t, lines)
      const { code, text } = await runOnce()
      t.equal(code, 1)
      t.notMatch(text, new RegExp(`${secret}|example\\.org|old-`))
      const told = Object.fromEntries([...text.matchAll(/^line (\d+): (.*)$/gm)].map(([, line, reason]) => [line, reason]))
      t.match(told, {
        2: 'it is no JSON',
        3: /^external_id is missing/,
        4: /^#\/traits\/email breaks the rule "format"/,
        5: /^its password hash has no format/,
        6: /^its identifier, address or external_id belongs to another identity/,
        7: /^its external_id is there already, with other traits/,
        8: /^a password in the clear/,
        9: /^state needs --trust/,
      })
      t.match(text, /2 created, 0 present already, 8 refused\n$/)
      t.equal((await identities(kratos)).length, 2)
    })

    t.test('takes state, metadata_admin and verified addresses with --trust only', async (t) => {
      const address = { value: 'p1@example.org', verified: true, via: 'email', status: 'completed' }
      const { kratos, runOnce } = await setUp(t, [person(1, { state: 'inactive', metadata_admin: { plan: 'x' }, verifiable_addresses: [address] })])
      t.match(await runOnce(), { code: 1 })
      t.match(await runOnce('--trust'), { code: 0 })
      t.match(await identities(kratos), [{ state: 'inactive', metadata_admin: { plan: 'x' }, verifiable_addresses: [{ verified: true }] }])
    })

    t.test('ends with status 3 while Kratos is away, and goes on later', async (t) => {
      const { kratos, runOnce } = await setUp(t, [person(1)])
      const fault = await kratos.fault({ port: 'admin', path: '/admin/identities', kind: 'status', status: 500 })
      t.match(await runOnce(), { code: 3, text: /^aborted: Kratos' admin port answers 500/ })
      await fault.clear()
      t.match(await runOnce(), { code: 0 })
    })

    t.test('sends hashes over no line that others can read, unless it is told to', async (t) => {
      const { file } = await setUp(t, [person(1)])
      const asked = ['import', file, '--admin-url', 'http://kratos.example.org:4434']
      t.match(await runService(asked), { code: 2, output: /neither https nor loopback/ })
    })
  })

  t.test('a line of an import', async (t) => {
    const reasons = (identity: object): unknown => readLine(JSON.stringify(identity), { isTrusted: false })
    t.match(reasons({ external_id: 'x', traits: {}, verifiable_addresses: [{ status: 'completed' }] }), { reason: /verified address/ })
    t.match(reasons({ external_id: 'x', traits: {}, id: 'y' }), { reason: /no identity has/ })
    t.match(reasons({ external_id: 'x', traits: {}, credentials: { totp: {} } }), { reason: /none of password/ })
    t.match(reasons({ external_id: 'x', traits: [] }), { reason: 'traits are missing' })
    t.match(readLine('[]', { isTrusted: true }), { reason: 'it is no object' })
    t.match(readLine(`"${'x'.repeat(2 ** 20)}"`, { isTrusted: true }), { reason: /longer/ })
    t.equal(refusalOf({ code: 400, reason: 'something "CANARY"' }), 'Kratos finds it not valid')
  })
}
