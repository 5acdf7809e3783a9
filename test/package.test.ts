import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, readdir, readFile, symlink } from 'node:fs/promises'
import { builtinModules } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import ts from 'typescript'
import { ENVIRONMENT, temporaryFolder } from './support/app.js'
import { freePorts } from './support/process.js'
import { compile, install, pack, productionPackages, ROOT } from './support/package.js'

// Packs, compiles and starts ten programs: on a loaded machine that takes its time.
t.setTimeout(240_000)
const run = promisify(execFile)
const folder = await temporaryFolder(t)
const packed = await pack(folder)
const project = join(folder, 'project')
const installed = await install(packed, project)

const isBuiltin = (name: string): boolean => name.startsWith('node:') || builtinModules.includes(name)
const packageOf = (name: string): string => name.split('/').slice(0, name.startsWith('@') ? 2 : 1).join('/')

/** Everything a file imports, types and dynamic imports included. */
const importsOf = async (file: string): Promise<string[]> =>
  ts.preProcessFile(await readFile(file, 'utf8'), true, true).importedFiles.map(({ fileName }) => fileName)

const filesBelow = async (path: string, pattern: RegExp): Promise<string[]> =>
  (await readdir(path, { recursive: true })).filter((name) => pattern.test(name)).map((name) => join(path, name))

/** Files and packages that are loaded with the given files. */
async function reachable (entries: string[]): Promise<{ files: Set<string>, packages: Set<string> }> {
  const files = new Set(entries)
  const packages = new Set<string>()
  for (const file of files) {
    for (const name of await importsOf(file)) {
      if (name.startsWith('.')) files.add(join(dirname(file), name))
      else if (!isBuiltin(name)) packages.add(packageOf(name))
    }
  }
  return { files, packages }
}

/** Starts a server of the project, asks for one address and ends it as an operator would. */
async function tryServer (
  t: Test,
  script: string,
  env: Record<string, string>,
  path: string,
): Promise<{ status: number, code: number | null }> {
  const child = spawn(process.execPath, [script], { cwd: project, env, stdio: ['ignore', 'pipe', 'inherit'] })
  const end = (): boolean => child.kill('SIGKILL')
  t.teardown(end)
  // A timeout ends this process without any teardown.
  process.once('exit', end)
  for await (const line of createInterface(child.stdout)) {
    const [, port] = /listening at http:\/\/127\.0\.0\.1:(\d+)/.exec(line) ?? []
    if (port === undefined) continue
    const { status } = await fetch(`http://127.0.0.1:${port}${path}`)
    child.stdout.resume()
    child.kill('SIGTERM')
    const [code] = await once(child, 'exit') as [number | null]
    return { status, code }
  }
  throw new Error(`${script} ended before it listened`)
}

t.test('the packed package', async (t) => {
  t.test('holds the build and the Kratos configuration, no sources and no tests', async (t) => {
    for (
      const path of [
        'package.json',
        'LICENSE',
        'dist/src/plugin.js',
        'dist/src/plugin.d.ts',
        'dist/src/testing.js',
        'dist/src/testing.d.ts',
        'dist/src/server.js',
        'dist/routes/api/auth/flows/index.js',
        'kratos/kratos.yml',
        'kratos/kratos.compose.yml',
        'kratos/identity.schema.json',
        'kratos/user-created.jsonnet',
      ]
    ) {
      t.ok(packed.paths.includes(path), path)
    }
    const unwanted = packed.paths.filter((path) =>
      !/^(?:dist\/|kratos\/[\w.-]+$|package\.json$|[A-Z]+(?:\.md)?$)/.test(path) ||
      /(?:^|\/)test\/|\.test\.|(?<!\.d)\.ts$/.test(path),
    )
    t.strictSame(unwanted, [])
    const map = JSON.parse(await readFile(join(installed, 'dist/src/plugin.js.map'), 'utf8')) as {
      sourcesContent?: string[]
    }
    t.match(map.sourcesContent?.[0], 'fastifyKratos', 'maps bring their sources, because these are not packed')
  })

  t.test('imports nothing that a production install does not have', async (t) => {
    const expected = await productionPackages()
    t.notOk(expected.includes('typescript') || expected.includes('tap'))
    const { dependencies, peerDependencies } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'))
    t.ok(
      'fastify' in peerDependencies && !('fastify' in dependencies),
      'with a Fastify of its own, the app would not see our types',
    )
    const files = await filesBelow(join(installed, 'dist'), /\.(?:js|d\.ts)$/)
    t.ok(files.length > 100)
    const { files: all, packages } = await reachable(files)
    t.strictSame([...packages].filter((name) => !expected.includes(name)), [])
    t.strictSame([...all].filter((file) => !file.startsWith(join(installed, 'dist'))), [], 'nothing outside the build')
  })

  t.test('loads no database driver, no OpenAPI and no embedded Kratos for `fastify-kratos`', async (t) => {
    const routes = await filesBelow(join(installed, 'dist/routes/api/auth'), /\.js$/)
    const { files, packages } = await reachable([join(installed, 'dist/src/plugin.js'), ...routes])
    t.ok(packages.has('undici') && files.size > 20, 'the imports were followed')
    t.strictSame(
      [...packages].filter((name) =>
        /kysely|libsql|^pg$|swagger|yaml|jsonnet|bcrypt|otpauth|env-schema|pino/.test(name),
      ),
      [],
    )
    t.strictSame(
      [...files].map((file) => relative(installed, file)).filter((file) =>
        /kratos\/embedded|openapi|config\.js|server\.js|service\//.test(file),
      ),
      [],
    )
  })

  t.test('can be imported and required', async (t) => {
    const script =
      'const { default: plugin } = require("fastify-kratos"); import("fastify-kratos").then(({ default: same }) => console.log(typeof plugin, same === plugin, plugin[Symbol.for("plugin-meta")].name))'
    const { stdout } = await run(process.execPath, ['--input-type=commonjs', '-e', script], { cwd: project })
    t.equal(stdout, 'function true fastify-kratos\n')
  })

  t.test('types a consumer that checks the declarations too, and carries the example from sign-up to session', async (t) => {
    for (const source of ['examples/existing-app', 'test/consumer']) {
      await cp(join(ROOT, source), project, {
        recursive: true,
        filter: (path) => !/existing-app\/(?!\w+\.ts$)/.test(path),
      })
    }
    t.strictSame(compile(project), [])
    const { stdout } = await run(process.execPath, ['out/journey.js'], { cwd: project })
    t.strictSame(JSON.parse(stdout), { status: 200, greeting: 'Hello Ada' })
    t.strictSame(await tryServer(t, 'out/server.js', { PORT: '0' }, '/products'), { status: 200, code: 0 })
  })

  t.test("runs the README's examples of tests with tap, node:test and vitest", async (t) => {
    await cp(join(ROOT, 'examples/testing'), project, { recursive: true })
    for (const name of ['tap', 'vitest']) {
      await symlink(join(ROOT, 'node_modules', name), join(project, 'node_modules', name), 'junction')
    }
    const env = { PATH: process.env['PATH'] }
    const runs: Array<[string[], RegExp]> = [
      [['tap.test.js'], /^ok 1 - an outage is not a logout/m],
      [['--test', '--test-reporter=tap', 'node.test.js'], /^ok 1 - whoever is signed in is known[^]*^# pass 1$/m],
      [
        ['node_modules/vitest/vitest.mjs', 'run', 'vitest.test.js', '--reporter=tap'],
        /^ +ok 1 - .*a sign-up mails a code/m,
      ],
    ]
    for (const [args, wanted] of runs) {
      t.match((await run(process.execPath, args, { cwd: project, env })).stdout, wanted)
    }
  })

  t.test('starts the embedded Kratos by its command, with the configuration that is packed', async (t) => {
    const command = join(installed, 'dist/kratos/embedded/bin.js')
    t.match(await readFile(command, 'utf8'), /^#!\/usr\/bin\/env node\n/)
    const [publicPort, adminPort] = await freePorts(2)
    const child = spawn(process.execPath, [command, '--public-port', `${publicPort}`, '--admin-port', `${adminPort}`], {
      cwd: project,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.teardown(() => child.kill('SIGKILL'))
    for await (const line of createInterface(child.stdout)) if (/Ctrl-C stops it/.test(line)) break
    t.equal((await fetch(`http://127.0.0.1:${publicPort}/health/ready`)).status, 200)
    child.kill('SIGINT')
    t.strictSame(await once(child, 'exit'), [0, null])
  })

  t.test('runs the service', async (t) => {
    const env = {
      ...ENVIRONMENT,
      LOG_LEVEL: 'info',
      PORT: '0',
      HOST: '127.0.0.1',
      DATABASE_URL: join(folder, 'app.db'),
    }
    t.strictSame(await tryServer(t, join(installed, 'dist/src/server.js'), env, '/health/alive'), {
      status: 200,
      code: 0,
    })
  })
})
