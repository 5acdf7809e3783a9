import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import t, { type Test } from 'tap'

const TESTS = join(import.meta.dirname, '..')

/**
 * Runs the test files of a folder below `test/` in this process, one after the other: a process of its own costs each
 * file about a second of processor time.
 */
export function runFolder (folder: string): void {
  const files = readdirSync(join(TESTS, folder)).filter((name) => name.endsWith('.test.ts')).sort()
  if (files.length === 0) throw new Error(`test/${folder} has no test files`)
  for (const file of files) t.test(file, (t) => runFile(t, `${folder}/${file}`))
}

/** @param path of a test file */
export function runAlone (path: string): void {
  const file = relative(TESTS, path)
  t.test(file, (t) => runFile(t, file))
}

/**
 * A file exports a function that registers its tests. One that exports none, or registers nothing, fails: it would be
 * lost in silence.
 */
async function runFile (t: Test, file: string): Promise<void> {
  // Beside this file as it is loaded: the TypeScript, or what was transpiled.
  const { default: register } = await import(`../${file.replace(/\.ts$/, '.js')}`) as { default?: unknown }
  if (typeof register !== 'function') {
    t.fail('exports no default function, so its tests do not run')
    return
  }
  let registered = 0
  t.on('subtestAdd', () => registered++)
  await register(t)
  if (registered === 0) t.fail('registers no test')
}
