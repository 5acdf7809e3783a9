import { cpSync, readdirSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { ROOT, TRANSPILED } from './process.js'

/**
 * Runs once before all tests: writes tests, and the programs that they start, as JavaScript. Each process would else
 * start a TypeScript loader first, which takes two to four times as long as most programs themselves.
 */
const SOURCES = ['src', 'plugins', 'routes', 'kratos', 'examples/spa', 'bench', 'test']
/** Compiled or run elsewhere, as they are. */
const OTHERS = ['test/consumer', 'test/service/openapi-client']
/** What the programs read beside their sources. */
const READ_AT_RUN_TIME = ['package.json', 'kratos', 'examples/spa', 'bench']

/** Tests read recordings, documents and fixtures where their own sources are. */
const testsStayInPlace: Plugin = {
  name: 'tests-stay-in-place',
  setup ({ onLoad }) {
    onLoad({ filter: /[/\\](?:test|bench)[/\\].*\.ts$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replaceAll('import.meta.dirname', JSON.stringify(dirname(path))),
      loader: 'ts',
    }))
  },
}

const entryPoints = SOURCES.flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts')).map((name) => join(folder, name)))
  .filter((file) => !OTHERS.some((folder) => file.startsWith(join(folder, '/'))))

rmSync(TRANSPILED, { recursive: true, force: true })
await build({
  absWorkingDir: ROOT,
  entryPoints,
  outdir: TRANSPILED,
  outbase: ROOT,
  format: 'esm',
  platform: 'node',
  sourcemap: true,
  plugins: [testsStayInPlace],
})
for (const name of READ_AT_RUN_TIME) {
  cpSync(join(ROOT, name), join(TRANSPILED, name), { recursive: true, filter: (path) => !path.endsWith('.ts') })
}
