import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'

const TESTS = join(import.meta.dirname, '..')

/**
 * Runs the test files of a folder below `test/` in this process, one after the other: a process of its own costs each
 * file about a second of processor time.
 */
export function runFolder (folder: string): void {
  const files = readdirSync(join(TESTS, folder)).filter((name) => name.endsWith('.test.ts')).sort()
  if (files.length === 0) throw new Error(`test/${folder} has no test files`)
  for (const file of files) t.test(file, (t) => runFile(t, join(TESTS, folder, file)))
}

/**
 * A file exports a function that registers its tests. One that exports none, or registers nothing, fails: it would be
 * lost in silence.
 */
export async function runFile (t: Test, path: string): Promise<void> {
  const { default: register } = await import(pathToFileURL(path).href) as { default?: unknown }
  if (typeof register !== 'function') {
    t.fail('exports no default function, so its tests do not run')
    return
  }
  let registered = 0
  t.on('subtestAdd', () => registered++)
  await register(t)
  if (registered === 0) t.fail('registers no test')
}
