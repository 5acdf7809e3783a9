// Writes the published packages from their import closures in the build. Both arguments are optional:
// node packaging/package.mjs <build folder, default dist> <target folder, default build>
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { build } from 'esbuild'
import ts from 'typescript'

const ROOT = join(import.meta.dirname, '..')
const [dist = join(ROOT, 'dist'), target = join(ROOT, 'build')] = process.argv.slice(2).map((path) => resolve(path))
const root = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
const ranges = { ...root.devDependencies, ...root.peerDependencies, ...root.dependencies }

const packageOf = (name) => name.split('/').slice(0, name.startsWith('@') ? 2 : 1).join('/')

/**
 * Copied in as one file each: TypeBox is 220 files, which take 60 ms of every start, yaml and libphonenumber-js 70;
 * lru-cache brings 3.6 MB of builds for one file; jose and qr have no CommonJS, which jest needs.
 */
const INLINED = ['@sinclair/typebox', 'jose', 'libphonenumber-js/max', 'lru-cache', 'qr', 'yaml']
const INLINED_PACKAGES = INLINED.map(packageOf)

/** Loaded at their first use: most starts and tests of an embedded server need none of them, or one. */
const LATER = [
  ...['bcryptjs', 'libphonenumber-js/max', 'otpauth', 'qr', 're2js', 'smol-toml', 'yaml'],
  ...['node:https', 'node:worker_threads', 'node:zlib'],
]
const vendoredFile = (name) => `${basename(packageOf(name))}.js`

/** Modules that read files of `kratos/`. The package has their text instead, so that one file can hold it all. */
const TEXTS = {
  'kratos/embedded/config/example-text.js': { name: 'exampleText', files: ['kratos.yml', 'identity.schema.json'] },
}

const isCode = (file) => file.endsWith('.js')
const isBuiltin = (name) => name.startsWith('node:') || builtinModules.includes(name)

/** Files by their path in the build, packages by their name. */
const importsOf = (file) => ts.preProcessFile(readFileSync(join(dist, file), 'utf8'), true, true).importedFiles
  .map(({ fileName }) => isCode(file) ? fileName : fileName.replace(/\.js$/, '.d.ts'))
  .map((path) => path.startsWith('.') ? join(dirname(file), path) : path)

/** A file of its own stays one that is loaded later; it must share no module that has a state. */
const loadedLater = (file) => [...readFileSync(join(dist, file), 'utf8').matchAll(/\bimport\('(\.[^']+)'\)/g)]
  .map(([, path]) => join(dirname(file), path))

/** The files that are loaded with the entries, and the packages they name: from code to code, from types to types. */
function closureOf (entries) {
  const files = new Set(entries)
  const packages = new Map()
  for (const file of files) {
    for (const path of importsOf(file)) {
      if (existsSync(join(dist, path))) files.add(path)
      else if (!isBuiltin(path)) packages.set(packageOf(path), packages.get(packageOf(path)) || !isCode(file))
    }
  }
  return { files: [...files], packages }
}

/** Inlined packages are installed only where declarations name them. */
function dependenciesOf (packages, { name, peerDependencies = {} }) {
  const names = [...packages].filter(([used, inTypes]) => inTypes || !INLINED_PACKAGES.includes(used))
    .map(([used]) => used)
    .filter((used) => !(used in peerDependencies)).sort()
  const unknown = names.filter((used) => !(used in ranges))
  if (unknown.length > 0) throw new Error(`${name} imports ${unknown.join()}, which package.json does not list`)
  return Object.fromEntries(names.map((used) => [used, ranges[used]]))
}

const COMMON_JS = { format: 'cjs', platform: 'node', target: 'node20', bundle: true, logLevel: 'warning' }

/** Each use of a module is a property of its variable in esbuild's output. Lines stay, for the source map. */
function loadLater (file, paths) {
  const code = readFileSync(file, 'utf8').replaceAll(/^var (\w+) = require\("([^"]+)"\);$/gm, (line, name, path) =>
    paths.includes(path) ? `var ${name} = new Proxy({}, { get: (_, name) => require("${path}")[name] });` : line)
  writeFileSync(file, code)
}

/**
 * Makes each of these one CommonJS file with all that it imports but packages and each other: hundreds of small files
 * take longer to find than to run.
 */
async function toCommonJs (folder, entries) {
  const vendored = new Set()
  const own = new Set(entries.map((entry) => join(folder, entry)))
  for (const entry of entries) {
    const from = join(folder, dirname(entry))
    const vendoredPath = (path) => `./${relative(from, join(folder, 'vendor', vendoredFile(path)))}`
    const keepImports = ({ onResolve }) => onResolve({ filter: /^/ }, ({ kind, path, resolveDir }) => {
      if (kind === 'entry-point') return undefined
      if (path.startsWith('.')) {
        const file = join(resolveDir, path)
        return own.has(file) ? { path: `./${relative(from, file)}`, external: true } : undefined
      }
      if (!INLINED.includes(path)) return { path, external: true }
      vendored.add(path)
      return { path: vendoredPath(path), external: true }
    })
    await build({
      ...COMMON_JS,
      absWorkingDir: folder,
      entryPoints: [entry],
      outfile: entry,
      allowOverwrite: true,
      sourcemap: true,
      define: { 'import.meta.dirname': '__dirname' },
      // As require(), which jest knows too.
      supported: { 'dynamic-import': false },
      plugins: [{ name: 'keep-imports', setup: keepImports }],
    })
    loadLater(join(folder, entry), LATER.map((path) => INLINED.includes(path) ? vendoredPath(path) : path))
  }
  for (const name of vendored) {
    const outfile = join(folder, 'vendor', vendoredFile(name))
    await build({ ...COMMON_JS, stdin: { contents: `export * from '${name}'`, resolveDir: ROOT }, outfile })
    const licence = readdirSync(join(ROOT, 'node_modules', packageOf(name))).find((file) => /^licen[cs]e/i.test(file))
    cpSync(join(ROOT, 'node_modules', packageOf(name), licence), outfile.replace(/\.js$/, '.LICENSE'))
  }
}

/** Its code is in a file of its own: Node reads what `import` names twice, the first time for the names of exports. */
const SPLIT = 'kratos/embedded/index.js'

async function splitEntry (folder) {
  const [file, code] = [join(folder, SPLIT), join(folder, SPLIT.replace(/\.js$/, '.code.js'))]
  const { metafile } = await build({ entryPoints: [join(dist, SPLIT)], format: 'esm', write: false, metafile: true })
  const names = Object.values(metafile.outputs).flatMap(({ exports }) => exports)
  writeFileSync(code, readFileSync(file, 'utf8').replace(/(?<=# sourceMappingURL=).*$/m, `${basename(code)}.map`))
  renameSync(`${file}.map`, `${code}.map`)
  writeFileSync(file, [
    "'use strict'",
    `const code = require('./${basename(code)}')`,
    ...names.map((name) => `exports.${name} = code.${name}`),
    '',
  ].join('\n'))
}

async function exportsOf (entry) {
  const how = { bundle: true, packages: 'external', platform: 'node', format: 'esm', write: false, metafile: true }
  const { metafile } = await build({ entryPoints: [join(dist, entry)], outfile: 'exports.mjs', ...how, logLevel: 'warning' })
  return Object.values(metafile.outputs).flatMap((output) => output.exports)
}

/**
 * What `import` loads: the exports of the CommonJS module, its default where ES modules have theirs. By a file of names
 * in between, because Node looks for names in all of a file that an ES module imports: 45 ms for the plugin.
 */
async function writeEsModule (folder, entry) {
  const file = join(folder, entry)
  const names = (await exportsOf(entry)).map((name) => `exports.${name} = all.${name}`)
  const namesFile = entry === SPLIT ? file : file.replace(/\.js$/, '.names.js')
  if (entry !== SPLIT) writeFileSync(namesFile, [`const all = require('./${basename(entry)}')`, ...names, ''].join('\n'))
  const hasDefault = names.includes('exports.default = all.default')
  const from = `'./${basename(namesFile)}'`
  const code = hasDefault ? [`import cjs from ${from}`, 'export default cjs.default'] : []
  const typed = `'./${basename(entry)}'`
  const types = hasDefault
    ? [`import cjs = require(${typed})`, 'declare const value: typeof cjs.default', 'export default value']
    : []
  writeFileSync(file.replace(/\.js$/, '.mjs'), [...code, `export * from ${from}\n`].join('\n'))
  writeFileSync(file.replace(/\.js$/, '.d.mts'), [...types, `export * from ${typed}\n`].join('\n'))
}

function writeTexts (folder, modules) {
  for (const [module, { name, files }] of Object.entries(TEXTS)) {
    if (!modules.includes(module)) continue
    const texts = files.map((file) => [file, readFileSync(join(ROOT, 'kratos', file), 'utf8')])
    const code = `const TEXTS = ${JSON.stringify(Object.fromEntries(texts))}\nexport const ${name} = (name) => TEXTS[name]\n`
    writeFileSync(join(folder, module), code)
  }
}

async function writePackage (name) {
  const text = readFileSync(join(ROOT, 'packaging', name, 'manifest.json'), 'utf8')
  const manifest = JSON.parse(text.replaceAll('{version}', root.version))
  const entries = Object.values(manifest.exports).flatMap(({ require: main }) => main?.default ?? [])
    .map((path) => relative('dist', path))
  // Commands stay ES modules: nobody requires them, and they may await at top level.
  const commands = Object.values(manifest.bin).map((path) => relative('dist', path).replace(/\.mjs$/, '.js'))
  const declarations = entries.map((entry) => entry.replace(/\.js$/, '.d.ts'))
  const { files, packages } = closureOf([...entries, ...declarations, ...commands])
  const modules = files.filter((file) => isCode(file) && !commands.includes(file))
  // What is imported by name from outside, or later, and so has a file of its own.
  const others = [...commands.flatMap(importsOf), ...modules.flatMap(loadedLater)]
  const kept = modules.filter((file) => entries.includes(file) || others.includes(file))

  const folder = join(target, name)
  rmSync(folder, { recursive: true, force: true })
  for (const file of [...files, ...modules.map((file) => `${file}.map`)]) {
    const path = join(folder, 'dist', file)
    cpSync(join(dist, file), commands.includes(file) ? path.replace(/\.js$/, '.mjs') : path)
  }
  for (const file of ['README.md', 'LICENSE', ...manifest.files.filter((file) => file !== 'dist')]) {
    const own = join(ROOT, 'packaging', name, file)
    cpSync(existsSync(own) ? own : join(ROOT, file), join(folder, file))
  }
  const { version, author, license, homepage, repository, bugs, engines } = root
  const fields = { version, author, license, homepage, repository, bugs, engines }
  const dependencies = dependenciesOf(packages, manifest)
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ ...manifest, ...fields, dependencies }, null, 2)}\n`)
  writeTexts(join(folder, 'dist'), modules)
  await toCommonJs(join(folder, 'dist'), kept)
  for (const file of modules.filter((module) => !kept.includes(module))) {
    for (const path of [file, `${file}.map`]) rmSync(join(folder, 'dist', path))
  }
  if (entries.includes(SPLIT)) await splitEntry(join(folder, 'dist'))
  for (const entry of entries) await writeEsModule(join(folder, 'dist'), entry)
  // The client is for browsers too: one ES module, and it keeps no state that two copies could divide.
  const client = 'src/client/client.js'
  if (entries.includes(client)) {
    const outfile = join(folder, 'dist', client.replace(/\.js$/, '.mjs'))
    await build({ entryPoints: [join(dist, client)], outfile, format: 'esm', bundle: true, logLevel: 'warning' })
  }
}

for (const name of ['fastify-kratos', 'embedded-kratos']) await writePackage(name)
