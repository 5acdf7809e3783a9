import { cpSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import { ROOT, TRANSPILED } from './process.js'

/**
 * Runs once before all tests: writes the programs that tests start as JavaScript. Each would else start a TypeScript
 * loader first, which takes two to four times as long as the program itself.
 */
const SOURCES = ['src', 'plugins', 'routes', 'kratos', 'examples/spa', 'test/support', 'test/store', 'test/embedded']
/** What the programs read beside their sources. */
const READ_AT_RUN_TIME = ['package.json', 'kratos', 'examples/spa']

const entryPoints = SOURCES.flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts')).map((name) => join(ROOT, folder, name)),
)
rmSync(TRANSPILED, { recursive: true, force: true })
buildSync({ entryPoints, outdir: TRANSPILED, outbase: ROOT, format: 'esm', platform: 'node', sourcemap: true })
for (const name of READ_AT_RUN_TIME) {
  cpSync(join(ROOT, name), join(TRANSPILED, name), { recursive: true, filter: (path) => !path.endsWith('.ts') })
}
