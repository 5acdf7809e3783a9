import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { PLUGIN_TABLES } from '../support/plugin-tables.js'

export default async function (t: Test): Promise<void> {
  t.test('docs/plugin.md has every option, name and requirement, in the words of the schemas', async (t) => {
    const text = await readFile(join(import.meta.dirname, '../../docs/plugin.md'), 'utf8')
    for (const [heading, table] of Object.entries(PLUGIN_TABLES)) {
      const section = text.split(`\n${heading}\n`)[1]?.split(/\n#+ /)[0] ?? ''
      const found = section.split('\n').filter((line) => line.startsWith('|')).join('\n')
      t.equal(found, table, heading)
    }
  })
}
