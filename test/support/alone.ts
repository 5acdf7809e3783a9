import { existsSync } from 'node:fs'
import { basename, dirname } from 'node:path'

/**
 * Loaded before each test file. The files of a folder are run by the folder's entry, `test/<folder>.test.ts`. One that
 * is named on the command line is run here: by itself it would register nothing, and pass.
 */
const file = process.argv[1] ?? ''
if (file.endsWith('.test.ts') && existsSync(`${dirname(file)}.test.ts`)) {
  const [{ default: t }, { runFile }] = await Promise.all([import('tap'), import('./folder.js')])
  t.test(basename(file), (t) => runFile(t, file))
}
