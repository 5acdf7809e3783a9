import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { temporaryFolder } from '../support/app.js'
import { ROOT, TRANSPILED } from '../support/process.js'

const sources = (...folders: string[]): string[] =>
  folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts')).map((
      name,
    ) => join(folder, name)),
  ).sort()
/** The same with the plain JavaScript of programs that run without a loader. */
const scripts = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).filter((name) => /\.m?[jt]s$/.test(name)).map((
    name,
  ) => join(folder, name)).sort()
const text = (file: string): string => readFileSync(join(ROOT, file), 'utf8')
/** The source without its comments, which may name what the code may not. */
const code = (file: string): string => text(file).replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')

const PRODUCT = sources('src', 'plugins', 'routes')
/**
 * Programs: they may read the environment, listen and end the process; all but the first may start the embedded Kratos.
 */
const SERVER = 'src/server.ts'
const DEVELOPMENT = (file: string): boolean =>
  file === 'src/dev.ts' || file.startsWith('src/cli/')
const isEntry = (file: string): boolean => file === SERVER || DEVELOPMENT(file)

interface Import {
  file: string
  from: string
  isType: boolean
}

/**
 * Static imports, re-exports and dynamic imports; paths of our own as files below the root, packages by their names.
 */
function importsOf (file: string): Import[] {
  const statements = code(file).matchAll(
    /(?:^|\n)\s*(?:import|export)\s(type\s)?(?:[^'";]*?\sfrom\s)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]/g,
  )
  return [...statements].map(([, type, source, dynamic]) => {
    const from = source ?? dynamic ?? ''
    return {
      file,
      isType: type !== undefined,
      from: from.startsWith('.') ? relative(ROOT, join(ROOT, dirname(file), from)).replace(/\.js$/, '.ts') : from,
    }
  })
}

/** Everything that is loaded with a file: what it imports, and the folders that `buildApp` loads by path. */
function loadedWith (entry: string): Set<string> {
  const seen = new Set<string>()
  const visit = (file: string): void => {
    if (seen.has(file)) return
    seen.add(file)
    if (!file.endsWith('.ts')) return
    const autoloaded = file === 'src/app.ts' ? sources('plugins', 'routes') : []
    for (const next of [...importsOf(file).filter(({ isType }) => !isType).map(({ from }) => from), ...autoloaded]) {
      visit(next)
    }
  }
  visit(entry)
  return seen
}

const offenders = (files: string[], pattern: RegExp): string[] => files.filter((file) => pattern.test(code(file)))

/** The files that a program really loads, from what V8 counts. */
function loadedFiles (program: string, folder: string): string[] {
  const child = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: TRANSPILED,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], NODE_V8_COVERAGE: folder },
  })
  if (child.status !== 0) throw new Error(child.stderr)
  const reports = readdirSync(folder).map((name) =>
    JSON.parse(readFileSync(join(folder, name), 'utf8')) as { result: Array<{ url: string }> },
  )
  return reports.flatMap(({ result }) => result.map(({ url }) => url)).filter((url) => url.startsWith('file:'))
    .map((url) => fileURLToPath(url)).map((file) =>
      file.startsWith(TRANSPILED) ? relative(TRANSPILED, file).replace(/\.js$/, '.ts') : relative(ROOT, file),
    )
}

export default async function (t: Test): Promise<void> {
  t.test('the embedded Kratos', async (t) => {
    const importers = PRODUCT.filter((file) => importsOf(file).some(({ from }) => from.startsWith('kratos/')))
    t.same(importers.filter((file) => !DEVELOPMENT(file)), [], 'is imported by development entries only')
    t.ok(importers.length > 0, 'and by those it is')
    const production = [...loadedWith(SERVER)]
    t.ok(
      production.includes('src/app.ts') && production.includes('plugins/auth/kratos.ts') &&
        production.includes('routes/health/index.ts'),
      'the graph of src/server.ts is seen',
    )
    t.same(production.filter((file) => file.startsWith('kratos/') || DEVELOPMENT(file)), [], 'and does not reach it')
    const back = sources('kratos/embedded').flatMap(importsOf).filter(({ from }) =>
      /^(?:src|plugins|routes|test)\//.test(from),
    )
    t.same(back, [], 'and it knows nothing of ours, so that it can disagree')
  })

  t.test('production needs production dependencies only', async (t) => {
    const { dependencies } = JSON.parse(text('package.json')) as { dependencies: Record<string, string> }
    const packagesOf = (imports: Iterable<string>): Set<string> => {
      const packages = [...imports].filter((from) => !/^node:|\.ts$/.test(from))
      return new Set(packages.map((name) => name.split('/').slice(0, name.startsWith('@') ? 2 : 1).join('/')))
    }
    const loaded = packagesOf([...loadedWith(SERVER), ...loadedWith('src/plugin.ts')])
    t.same([...loaded].filter((name) => !Object.hasOwn(dependencies, name)), [])
    const production = PRODUCT.filter((file) => file !== 'src/dev.ts')
    const used = packagesOf(production.flatMap(importsOf).map(({ from }) => from))
    // pino loads pino-pretty by its name.
    t.same(Object.keys(dependencies).filter((name) => !used.has(name)), ['pino-pretty'], 'and brings nothing else')
  })

  t.test('the layers', async (t) => {
    const imports = (folder: string): Import[] => sources(folder).flatMap(importsOf)
    const outside = (folder: string, allowed: RegExp): string[] =>
      imports(folder).filter(({ from }) => !allowed.test(from)).map(({ file, from }) => `${file} -> ${from}`)
    t.same(
      outside('src/kratos-client', /^(?:src\/(?:kratos-client\/|errors\.ts|json-depth\.ts)|undici(?:\/index\.js)?$|node:)/),
      [],
      'the Kratos client knows no framework, database or HTTP layer, types included',
    )
    t.same(
      outside(
        'src/sessions',
        /^(?:src\/(?:sessions|kratos-client)\/|src\/(?:errors|lru)\.ts|@sinclair\/typebox$|lru-cache$|ipaddr\.js$|node:)/,
      ),
      [],
      'nor do sessions',
    )
    t.same(
      outside('src/throttling', /^(?:src\/(?:throttling|kratos-client)\/|src\/lru\.ts$|lru-cache$|ipaddr\.js$|node:)/),
      [],
      'nor do login budgets',
    )
    t.same(
      outside('src/service/store', /^(?:src\/(?:service\/store|schemas)\/|src\/(?:errors|patterns)\.ts|kysely|libsql$|pg$|node:)/),
      [],
      'the store knows neither framework nor Kratos',
    )
    t.same(
      imports('routes').filter(({ from }) => /^(?:undici|kysely|pg|libsql|fastify-plugin)$/.test(from)),
      [],
      'routes reach nothing but by decorators',
    )
    t.same(
      imports('plugins').filter(({ from, isType }) => from.startsWith('plugins/') && !isType),
      [],
      'plugins name each other in dependencies only',
    )
    t.same(
      PRODUCT.flatMap(importsOf).filter(({ file, from }) => from.startsWith('routes/') && file !== 'src/plugin.ts'),
      [],
      'nobody but the plugin imports routes',
    )
    t.same(
      scripts('bench').flatMap(importsOf).filter(({ from }) => /^(?:src|plugins|routes|kratos|test)\//.test(from)),
      [],
      'the benchmark knows what users know',
    )
    t.same(
      scripts('bench').flatMap(importsOf).filter(({ from }) => from.startsWith('dist/')).map(({ file, from }) =>
        `${file} -> ${from.replace(/\.ts$/, '')}`,
      ),
      ['bench/peers/plugin-host.mjs -> dist/src/plugin'],
      'of the product as built, that is its public entry',
    )
    t.same(
      PRODUCT.flatMap(importsOf).filter(({ from }) => from.startsWith('bench/')),
      [],
      'and the product knows no benchmark',
    )
  })

  t.test('house rules', async (t) => {
    t.same(
      offenders(PRODUCT.filter((file) => !isEntry(file)), /process\.env|process\.exit/),
      [],
      'environment and exit belong to entries',
    )
    t.same(offenders(PRODUCT.filter((file) => !isEntry(file)), /\.listen\(/), [], 'and so does listening')
    t.same(offenders(PRODUCT.filter((file) => file !== 'src/dev.ts' && !file.startsWith('src/cli/')), /\bFastify\(/), [
      'src/app.ts',
    ], 'one place makes the instance')
    t.same(offenders([...PRODUCT, ...sources('kratos')], /NODE_ENV/), [], 'no mode variable')
    t.same(offenders(PRODUCT, /@ts-(?:ignore|nocheck|expect-error)|: any\b|<any>|as any\b/), [], 'no type is given up')
    t.same(
      offenders(PRODUCT.filter((file) => !isEntry(file)), /\bconsole\./),
      [],
      'no other way to the output than the logger',
    )
    t.same(PRODUCT.filter((file) => text(file).split('\n').length > 221), [], 'files of a size to read')
    t.same(offenders(sources('test'), /\.only\(|listen\([^)]*port: [1-9]/), [], 'no test alone, no fixed port')
    t.same(
      offenders(sources('test'), /t\.ok\(.*(?:now\(\) - \w+|\w*[mM]s) <=? ?\d/),
      [],
      'no upper bound on the time that something takes',
    )
  })

  t.test('every test file runs, by the entry of its folder', async (t) => {
    const { tap } = JSON.parse(text('package.json')) as { tap: { include: string[] } }
    t.same(tap.include, ['test/*.test.js'])
    const files = sources('test').filter((file) => file.endsWith('.test.ts'))
    t.ok(files.length > 30)
    const isRun = (folder: string): boolean =>
      existsSync(join(ROOT, `${folder}.test.js`)) && text(`${folder}.test.js`).includes(`runFolder('${basename(folder)}')`)
    t.same([...new Set(files.map((file) => dirname(file)))].filter((folder) => !isRun(folder)), [])
  })

  t.test('plugins are named after their files, in the form that fails loudly', async (t) => {
    for (const file of sources('plugins')) {
      t.match(code(file), new RegExp(`name: '(?:fastify-kratos/)?${basename(file, '.ts')}', fastify: '5\\.x'`), file)
    }
  })

  t.test('every folder of routes has its index', async (t) => {
    const folders = new Set(sources('routes').map((file) => dirname(file)))
    t.same([...folders].filter((folder) => !existsSync(join(ROOT, folder, 'index.ts'))), [])
  })

  t.test('the public plugin loads undici at its first use, and not for an app that brings a dispatcher', async (t) => {
    const register = (options: string): string => `
      import Fastify from 'fastify'
      import fastifyKratos from './src/plugin.js'
      const app = Fastify()
      if ('${options}' !== '') await app.register(fastifyKratos, { publicUrl: 'http://127.0.0.1:9', ${options} })
      await app.close()`
    for (const [options, loads] of [['', false], ['dispatcher: { dispatch: () => true }', false], ['routes: false', true]] as const) {
      const files = loadedFiles(register(options), await temporaryFolder(t))
      t.equal(files.some((file) => file.startsWith('node_modules/undici/')), loads, options)
    }
  })

  t.test('the public plugin loads no database, no OpenAPI and no embedded Kratos, even when it is registered', async (t) => {
    const program = `
    import Fastify from 'fastify'
    import fastifyKratos from './src/plugin.js'
    const app = Fastify()
    await app.register(fastifyKratos, { publicUrl: 'http://127.0.0.1:9', webhook: { keys: ['${
      'k'.repeat(32)
    }'], onIdentity: async () => {} } })
    await app.ready()
    await app.close()`
    const files = loadedFiles(program, await temporaryFolder(t))
    t.ok(
      files.includes('src/plugin.ts') && files.some((file) => file.startsWith('routes/api/auth/')),
      'it is seen at work',
    )
    t.same(
      files.filter((file) =>
        /node_modules\/(?:kysely|libsql|@libsql|pg|better-sqlite3|@fastify\/swagger|yaml|bcryptjs|env-schema|dotenv)\//
          .test(file),
      ),
      [],
    )
    t.same(
      files.filter((file) =>
        file.startsWith('kratos/') || file.startsWith('routes/api/documents') ||
        /^src\/(?:config|server|dev)\.ts$/.test(file),
      ),
      [],
    )
  })
}
