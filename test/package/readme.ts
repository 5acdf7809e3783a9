import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { link } from '../support/package.js'
import { ROOT } from '../support/process.js'

const run = promisify(execFile)
const READMES = [
  'README.md',
  'packaging/fastify-kratos/README.md',
  'packaging/embedded-kratos/README.md',
  // The recipes of docs/screens.md run as one, in test/client.
  ...['plugin', 'client', 'testing'].map((name) => `docs/${name}.md`),
]

/** The blocks of a language that are whole programs, once each. */
function programs (language: string): string[] {
  const block = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'gm')
  const blocks = READMES.flatMap((file) => [...readFileSync(join(ROOT, file), 'utf8').matchAll(block)])
  return [...new Set(blocks.map(([, code = '']) => code).filter((code) => /^import /m.test(code)))]
}

/** How a test is run, by the runner that it imports; with `null` the name of the file follows. */
const RUNNERS = new Map([
  ['node:test', ['--test', '--test-reporter=tap']],
  ['tap', []],
  ['vitest', ['node_modules/vitest/vitest.mjs', 'run', '--reporter=tap']],
])

/** Puts the TypeScript of the READMEs into the project, to be compiled with it. */
export async function writeReadmeSources (project: string): Promise<void> {
  for (const [index, code] of programs('ts').entries()) await writeFile(join(project, `readme-${index}.ts`), code)
}

/** Runs the JavaScript of the READMEs: tests, each with its own runner. */
export async function runReadmePrograms (t: Test, project: string): Promise<void> {
  for (const name of ['tap', 'vitest', '@fastify/websocket']) await link(project, name)
  for (const file of ['kratos.yml', 'identity.schema.json', 'user-created.jsonnet']) {
    await cp(join(ROOT, 'kratos', file), join(project, file))
  }
  for (const [index, code] of programs('js').entries()) {
    const [runner, args] = [...RUNNERS].find(([name]) => code.includes(` from '${name}'`)) ?? ['no test runner', []]
    t.test(`${index + 1}: ${runner}`, async (t) => {
      const file = `readme-${index}.test.js`
      await writeFile(join(project, file), code)
      const { stdout } = await run(process.execPath, [...args, file], { cwd: project, env: { PATH: process.env['PATH'] } })
      t.match(stdout, /^ *ok 1 /m)
    })
  }
}
