import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import type { Test } from 'tap'
import testExample from './example.js'
import { runReadmePrograms, writeReadmeSources } from './readme.js'
import { temporaryFolder } from '../support/app.js'
import { compile, footprint, install, link, pack, type Packed } from '../support/package.js'
import { freePorts, ROOT, run as start } from '../support/process.js'
import { until } from '../support/until.js'

const run = promisify(execFile)

/** Nothing listens at this Kratos. */
const BUNDLED_APP = `
import Fastify from 'fastify'
import fastifyKratos from 'fastify-kratos'
const app = Fastify().register(fastifyKratos, { publicUrl: 'http://127.0.0.1:9' })
const status = (url) => app.inject(url).then(({ statusCode }) => statusCode)
Promise.all([status('/api/auth/whoami'), status('/api/auth/mine')]).then((answers) => console.log(...answers))
`

/** What a script prints in a project. */
const output = async (cwd: string, ...args: string[]): Promise<string> =>
  (await run(process.execPath, args, { cwd })).stdout

/** What npm has in its folder of commands, for `npx` to start. */
const command = (name: string, cwd: string): string => join(cwd, 'node_modules/.bin', name)

export default async function (t: Test): Promise<void> {
  const folder = await temporaryFolder(t)
  const { plugin, embedded } = await pack(folder)
  /** A project with both packages, and one with the plugin alone. */
  const [project, alone] = [join(folder, 'project'), join(folder, 'alone')]
  await install(project, [plugin, embedded])
  await install(alone, [plugin])

  t.test('the packed packages', async (t) => {
    t.test('hold what they need at run time, no sources and no tests', async (t) => {
      const expected: Array<[Packed, string[]]> = [
        [plugin, ['dist/src/plugin.js', 'dist/src/plugin.mjs', 'dist/src/plugin.d.ts', 'dist/src/plugin.d.mts', 'client.js', 'testing.js', 'postgres-bus.js']],
        [embedded, ['dist/kratos/embedded/index.mjs', 'kratos/kratos.yml', 'kratos/identity.schema.json', 'kratos/user-created.jsonnet']],
      ]
      for (const [{ manifest: { name }, paths }, needed] of expected) {
        t.strictSame(['package.json', 'README.md', 'LICENSE', ...needed].filter((path) => !paths.includes(path)), [], name)
        const own = /^(?:(?:dist\/.+|client|testing|postgres-bus)\.(?:d\.m?ts|m?js|js\.map|LICENSE)|kratos\/[\w.-]+|package\.json|README\.md|LICENSE)$/
        t.strictSame(paths.filter((path) => !own.test(path) || /(?:^|\/)test\/|\.test\./.test(path)), [], name)
      }
      const map: { sources: string[], sourcesContent: string[] } = JSON.parse(await readFile(join(project, 'node_modules/fastify-kratos/dist/src/plugin.js.map'), 'utf8'))
      const source = map.sourcesContent[map.sources.findIndex((path) => path.endsWith('src/plugin.ts'))]
      t.match(source, "import fp from 'fastify-plugin'", 'maps bring the TypeScript, which is not packed')
    })

    t.test('have READMEs whose links lead somewhere', async (t) => {
      for (const { manifest: { name }, paths } of [plugin, embedded]) {
        const text = await readFile(join(project, 'node_modules', name, 'README.md'), 'utf8')
        const links = [...text.matchAll(/\]\(([^)#]+)/g)].map(([, target = '']) => target)
        t.ok(links.length > 0, name)
        t.strictSame(links.filter((target) => !target.startsWith('https://') && !paths.includes(target)), [], name)
        const ours = links.map((target) => /fastify-kratos\/(?:blob|tree)\/main\/(.+)/.exec(target)?.[1])
        t.strictSame(ours.filter((path) => path !== undefined && !existsSync(join(ROOT, path))), [], name)
      }
    })

    t.test('the plugin brings nothing of the service or of the embedded Kratos, and is small', async (t) => {
      t.strictSame(plugin.paths.filter((path) => /kratos\/embedded|src\/(?:app|config|server|service)\b/.test(path)), [])
      const { packages, megabytes } = footprint(project, 'fastify-kratos')
      t.ok(packages.includes('undici'), 'the dependencies were followed')
      const unwanted = /kysely|libsql|^pg$|swagger|autoload|yaml|jsonnet|bcrypt|otpauth|env-schema|prom-client|pino-pretty/
      t.strictSame(packages.filter((name) => unwanted.test(name)), [])
      t.ok(packages.length <= 30, `${packages.length} packages beside fastify`)
      t.ok(megabytes <= 12, `${megabytes.toFixed(1)} MB beside fastify`)
      t.strictSame(Object.keys(plugin.manifest.peerDependencies ?? {}), ['embedded-kratos', 'fastify', 'pg'])
    })

    t.test('import and require give the same plugin', async (t) => {
      const script =
        'const { default: plugin } = require("fastify-kratos"); import("fastify-kratos").then(({ default: same, fastifyKratos: named }) => console.log(typeof plugin, same === plugin && named === plugin, plugin[Symbol.for("plugin-meta")].name))'
      t.equal(await output(project, '--input-type=commonjs', '-e', script), 'function true fastify-kratos\n')
    })

    t.test('an embedded server loads a library at its first use', async (t) => {
      const script = `
        const loaded = () => ['yaml', 'libphonenumber', 're2js', 'bcryptjs', 'otpauth']
          .filter((name) => Object.keys(require.cache).some((path) => path.split(/node_modules|dist/).at(-1).includes(name)))
        const { startEmbeddedKratos } = require('embedded-kratos')
        const schema = { type: 'object', properties: { traits: { type: 'object', properties: { name: { type: 'string', pattern: '^a' } } } } }
        const config = { selfservice: { default_browser_return_url: 'http://127.0.0.1/' }, identity: { schemas: [{ id: 'default', url: 'base64://' }] } }
        const imported = loaded()
        startEmbeddedKratos({ env: {}, config, schema }).then(async (kratos) => {
          const started = loaded()
          await kratos.createIdentity({ name: 'ada' }, 'a password of hers')
          console.log(JSON.stringify([imported, started, loaded()]))
          await kratos.close()
        })`
      const lists = JSON.parse(await output(project, '--input-type=commonjs', '-e', script))
      t.strictSame(lists, [[], ['re2js'], ['re2js', 'bcryptjs']])
    })

    t.test('the bus of Postgres is a path of its own, and only it wants pg', async (t) => {
      const script = 'import("fastify-kratos/postgres-bus").then(({ postgresBus }) => { console.log(typeof postgresBus, postgresBus === require("fastify-kratos/postgres-bus").postgresBus); return postgresBus({ url: "postgres://127.0.0.1:9" }) }).catch(({ message }) => console.log(message))'
      t.equal(await output(alone, '--input-type=commonjs', '-e', script), 'function true\npostgresBus needs the package pg: npm install pg\n')
    })

    t.test('type programs in every way to resolve modules, declarations included', async (t) => {
      for (const name of ['@fastify/cookie', '@fastify/cors', '@fastify/type-provider-typebox']) await link(project, name)
      for (const source of ['examples/existing-app', 'test/consumer']) {
        await cp(join(ROOT, source), project, {
          recursive: true,
          filter: (path) => !/existing-app\/(?!\w+\.ts$)/.test(path),
        })
      }
      await writeReadmeSources(project)
      for (const config of ['tsconfig.json', 'tsconfig.node10.json', 'tsconfig.bundler.json']) {
        t.strictSame(compile(project, config), [], config)
      }
      t.equal(await output(project, 'out/commonjs.cjs'), '/api/auth ada@example.test\n')
      t.strictSame(JSON.parse(await output(project, 'out/journey.js')), { status: 200, greeting: 'Hello Ada' })
    })

    t.test('examples/existing-app', async (t) => {
      await testExample(t, join(project, 'out/app.js'))
      t.test('starts as a program', async (t) => {
        const [port = 0] = await freePorts(1)
        const { child, printed, ended } = start(t, ['out/server.js'], { PORT: String(port) }, project)
        await printed(/listening at/)
        const url = `http://127.0.0.1:${port}`
        t.equal((await fetch(`${url}/products`)).status, 200)
        const { data } = await fetch(`${url}/auth/flows/registration`).then((answer) => answer.json()) as { data: { id: string } }
        const signedUp = await fetch(`${url}/auth/flows/registration`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ flow_id: data.id, email: 'ada@example.com', password: 'velvet-harbor-42', first_name: 'Ada' }),
        })
        const cookie = signedUp.headers.getSetCookie().map((line) => line.split(';')[0]).join('; ')
        const points = async (): Promise<unknown> =>
          (await fetch(`${url}/orders`, { headers: { cookie } }).then((answer) => answer.json()) as { points?: number }).points
        await until(async () => await points() === 100)
        t.equal(await points(), 100, 'Kratos has told the shop')
        child.kill('SIGTERM')
        t.strictSame(await ended, { code: 0, signal: null })
      })
    })

    t.test("the READMEs' tests pass", (t) => runReadmePrograms(t, project))

    const CHECKED = "200 ada@example.test 401 { email: 'ADA@EXAMPLE.TEST' }\n"

    t.test('tsx runs a test of an app as it was written', async (t) => {
      await link(project, 'tsx')
      t.equal(await output(project, '--import', 'tsx', 'kit.ts'), CHECKED)
    })

    for (const format of ['esm', 'cjs'] as const) {
      /** Outside of the project: what is not in the file cannot be loaded. */
      const bundle = async (entry: string, outfile: string, external: string[] = []): Promise<void> => {
        const js = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"
        const banner = format === 'esm' ? { js } : {}
        const how = { format, banner, external, bundle: true, platform: 'node', target: 'node20' } as const
        await build({ entryPoints: [join(project, entry)], outfile, ...how })
      }
      const extension = format === 'esm' ? 'mjs' : 'cjs'

      t.test(`an app with the plugin can be bundled into one file, ${format}`, async (t) => {
        await writeFile(join(project, 'bundled.js'), BUNDLED_APP)
        const outfile = join(folder, `bundled.${extension}`)
        await bundle('bundled.js', outfile)
        t.equal(await output(folder, outfile), '401 404\n')
      })

      t.test(`so can a test with the kit, all but two packages with binaries, ${format}`, async (t) => {
        const external = ['libsql', '@arakoodev/jsonnet']
        const place = join(folder, `bundled-${format}`)
        for (const name of external) await link(place, name)
        await bundle('kit.ts', join(place, `kit.${extension}`), external)
        t.equal(await output(place, `kit.${extension}`), CHECKED)
      })
    }
  })

  t.test('fastify-kratos/testing without embedded-kratos says what to install', async (t) => {
    for (const args of [
      ['--input-type=module', '-e', "await import('fastify-kratos/testing')"],
      ['--input-type=commonjs', '-e', "require('fastify-kratos/testing')"],
    ]) {
      await t.rejects(output(alone, ...args), /Error: fastify-kratos\/testing needs .*: npm install --save-dev embedded-kratos/)
    }
  })

  t.test('the commands', async (t) => {
    for (const [name, ...args] of [['embedded-kratos'], ['fastify-kratos', 'dev']] as Array<[string, ...string[]]>) {
      t.test(`${[name, ...args].join(' ')} starts the embedded Kratos with the packed configuration`, async (t) => {
        const [publicPort, adminPort] = await freePorts(2)
        const ports = ['--public-port', `${publicPort}`, '--admin-port', `${adminPort}`]
        const { child, printed, ended } = start(t, [...args, ...ports], {}, project, command(name, project))
        await printed(/Ctrl-C stops it/)
        t.equal((await fetch(`http://127.0.0.1:${publicPort}/health/ready`)).status, 200)
        child.kill('SIGINT')
        t.strictSame(await ended, { code: 0, signal: null })
      })
    }

    t.test('fastify-kratos dev names embedded-kratos where it is not installed', async (t) => {
      const program = start(t, ['dev'], {}, alone, command('fastify-kratos', alone))
      t.strictSame(await program.ended, { code: 1, signal: null })
      t.match(program.output(), 'npm install --save-dev embedded-kratos')
    })
  })
}
