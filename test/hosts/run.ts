import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pack } from '../support/package.js'
import { ROOT } from '../support/process.js'

/**
 * `npm run test:hosts`: both packages as they would be published, installed by npm into a new project, and used from
 * each test runner and loader there. npm fetches the runners from its registry or its cache.
 */

const RUNNERS = ['jest@30', 'ts-jest@29', 'vitest@3', 'tsx@4', 'typescript@5.9']
/** Test files of one app: a stranger, a user, and a real login. */
const BODY = `
let app, kratos
beforeAll(async () => {
  kratos = await startEmbeddedKratos()
  app = Fastify()
  await app.register(fastifyKratos, { publicUrl: kratos.publicUrl })
  app.get('/me', { config: { auth: true } }, async (request) => sessionOf(request).identity.traits.email)
})
afterAll(async () => { await app.close(); await kratos.close() })

test('a stranger is refused', async () => expect((await app.inject('/me')).statusCode).toBe(401))
test('a user is known', async () => {
  const { headers } = kratos.signIn(await kratos.createIdentity({ email: 'ada@example.test' }))
  expect((await app.inject({ url: '/me', headers })).body).toBe('ada@example.test')
})
test('a sign-up by the routes', async () => {
  const { data: { id } } = (await app.inject('/api/auth/flows/registration')).json()
  const payload = { flow_id: id, email: 'eve@example.test', password: 'velvet-harbor-42' }
  const answer = await app.inject({ method: 'POST', url: '/api/auth/flows/registration', payload })
  expect(answer.statusCode).toBe(200)
})
`
const IMPORTS = `import Fastify from 'fastify'
import fastifyKratos, { sessionOf } from 'fastify-kratos'
import { startEmbeddedKratos } from 'fastify-kratos/testing'
`
const REQUIRES = `const Fastify = require('fastify')
const { default: fastifyKratos, sessionOf } = require('fastify-kratos')
const { startEmbeddedKratos } = require('fastify-kratos/testing')
`
const untyped = '// @ts-nocheck\n'
const JEST = 'node_modules/jest/bin/jest.js'
const TSX = 'node_modules/tsx/dist/cli.mjs'
const TS_JEST = { transform: { '\\.ts$': ['ts-jest', { tsconfig: { esModuleInterop: true } }] } }
const DONE = "console.log('3 passed')\n"

/** `app.inject` of Fastify loads an ES module, which jest cannot require before Node 24.9 (docs/testing.md). */
const OVERRIDES = { 'light-my-request': { cookie: '1.1.1' } }

interface Host {
  name: string
  file: string
  code: string
  args: string[]
  /** What a run prints that has passed; a run of nothing does not. */
  passed: RegExp
}

const PASSED = /3 passed/
const HOSTS: Host[] = [
  { name: 'jest, CommonJS', file: 'a.test.cjs', code: REQUIRES + BODY, args: [JEST, '-c', '{"testMatch":["**/a.test.cjs"]}'], passed: PASSED },
  {
    name: 'jest, ES modules',
    file: 'b.test.mjs',
    code: IMPORTS + BODY,
    args: ['--experimental-vm-modules', JEST, '-c', '{"testMatch":["**/b.test.mjs"]}'],
    passed: PASSED,
  },
  {
    name: 'jest, TypeScript to CommonJS by ts-jest',
    file: 'c.test.ts',
    code: untyped + IMPORTS + BODY,
    args: [JEST, '-c', JSON.stringify({ testMatch: ['**/c.test.ts'], ...TS_JEST })],
    passed: PASSED,
  },
  { name: 'vitest', file: 'd.test.js', code: IMPORTS + "import { afterAll, beforeAll, expect, test } from 'vitest'\n" + BODY, args: ['node_modules/vitest/vitest.mjs', 'run', 'd.test.js'], passed: PASSED },
  ...[
    { name: 'tsx, ES module', file: 'e.mts', args: [TSX, 'e.mts'] },
    { name: 'tsx, CommonJS', file: 'f.ts', args: [TSX, 'f.ts'] },
    { name: 'node --require tsx/cjs', file: 'h.cts', args: ['--require', 'tsx/cjs', 'h.cts'] },
  ].map((host) => ({ ...host, code: `${untyped}${IMPORTS}${alone(BODY)}`, passed: PASSED })),
  { name: 'require()', file: 'g.cjs', code: REQUIRES + alone(BODY), args: ['g.cjs'], passed: PASSED },
]

/** The same without a runner: assertions of Node, one after the other. */
function alone (body: string): string {
  return `const steps = []
const [beforeAll, afterAll] = [(step) => steps.unshift(step), (step) => { steps.last = step }]
const test = (_name, step) => steps.push(step)
const expect = (value) => ({ toBe: (wanted) => { if (value !== wanted) throw new Error(value + ' is not ' + wanted) } })
${body}
async function main () { for (const step of [...steps, steps.last]) await step(); ${DONE} }
main()
`
}

const folder = await mkdtemp(join(tmpdir(), 'fastify-kratos-hosts-'))
try {
  const { plugin, embedded } = await pack(folder)
  const { dependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { dependencies: Record<string, string> }
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'host', private: true, overrides: OVERRIDES }))
  const packages = [plugin.file, embedded.file, `fastify@${dependencies['fastify']}`, ...RUNNERS]
  const args = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error', ...packages]
  const { status } = spawnSync('npm', args, { cwd: folder, stdio: 'inherit', shell: process.platform === 'win32' })
  if (status !== 0) throw new Error('npm install failed')
  for (const { name, file, code, args, passed } of HOSTS) {
    await writeFile(join(folder, file), code)
    const begun = performance.now()
    const run = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', env: { PATH: process.env['PATH'] }, timeout: 120_000 })
    const isGood = run.status === 0 && passed.test(run.stdout + run.stderr)
    console.log(`${isGood ? 'ok' : 'FAIL'} ${name} (${((performance.now() - begun) / 1000).toFixed(1)} s)`)
    if (isGood) continue
    console.log(run.stdout, run.stderr)
    process.exitCode = 1
  }
} finally {
  await rm(folder, { recursive: true, force: true })
}
