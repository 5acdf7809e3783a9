import { existsSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Loaded before each test file. `npm test` runs the entries of folders, `test/<folder>.test.js`, which load what
 * `transpile.ts` has written: a TypeScript loader would cost each of them a second and more. A file that is named on
 * the command line needs it, and is run here: by itself it would register nothing, and pass.
 */
const file = process.argv[1] ?? ''
if (file.endsWith('.ts')) {
  await import('tsx')
  if (file.endsWith('.test.ts') && existsSync(`${dirname(file)}.test.js`)) {
    const { runAlone } = await import('./folder.ts')
    runAlone(file)
  }
}
