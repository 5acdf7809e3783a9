import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import tsBlankSpace from 'ts-blank-space'
import { ROOT, TRANSPILED } from './process.js'

/**
 * Runs once before all tests: writes tests, and the programs that they start, as JavaScript. Each process would else
 * start a TypeScript loader first, which takes two to four times as long as most programs themselves. Types become
 * blanks, so a stack names the line of the source without source maps, which took a seventh of the tests' time.
 */
const SOURCES = ['src', 'plugins', 'routes', 'kratos', 'examples/spa', 'bench', 'test']
/** Compiled or run elsewhere, as they are. */
const OTHERS = ['test/consumer', 'test/service/openapi-client']
/** What the programs read beside their sources. */
const READ_AT_RUN_TIME = ['package.json', 'kratos', 'examples/spa', 'bench']

const files = SOURCES.flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts')).map((name) => join(folder, name)))
  .filter((file) => !OTHERS.some((folder) => file.startsWith(join(folder, '/'))))

/** Tests read recordings, documents and fixtures where their own sources are. */
function inPlace (file: string, source: string): string {
  if (!/^(?:test|bench)[/\\]/.test(file)) return source
  return source.replaceAll('import.meta.dirname', JSON.stringify(dirname(join(ROOT, file))))
}

function toJavaScript (file: string): string {
  const source = inPlace(file, readFileSync(join(ROOT, file), 'utf8'))
  return tsBlankSpace(source, ({ pos }) => {
    throw new Error(`${file}:${source.slice(0, pos).split('\n').length} is no syntax that goes with its types`)
  })
}

rmSync(TRANSPILED, { recursive: true, force: true })
for (const file of files) {
  const written = join(TRANSPILED, file.replace(/\.ts$/, '.js'))
  mkdirSync(dirname(written), { recursive: true })
  writeFileSync(written, toJavaScript(file))
}
for (const name of READ_AT_RUN_TIME) {
  cpSync(join(ROOT, name), join(TRANSPILED, name), { recursive: true, filter: (path) => !path.endsWith('.ts') })
}
