import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { ROOT } from '../support/process.js'

const text = readFileSync(join(ROOT, 'docs/reliability.md'), 'utf8')
const rows = [...text.matchAll(/^\| ([A-O]\d{2}) \| (.+?) \| (.+?) \|$/gm)].map((
  [, id = '', rule = '', proof = ''],
) => ({ id, rule, proof }))

/** Strings and comments of a test file: where a case is named, and code is not. */
const words = (source: string): string =>
  (source.match(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`|\/\/.*|\/\*[^]*?\*\//g) ?? []).join('\n')

export default async function (t: Test): Promise<void> {
  t.test('docs/reliability.md', async (t) => {
    t.test('has a table for each group, in order, and no id twice', async (t) => {
      const ids = rows.map(({ id }) => id)
      t.ok(ids.length > 100, `${ids.length} cases`)
      t.same(ids, [...new Set(ids)].sort(), 'each once, sorted')
      t.equal(text.match(/^\| [A-O]\d{2} \|/gm)?.length, rows.length, 'every row has its three cells')
      for (const group of 'ABCDEGHIJO') t.ok(ids.some((id) => id.startsWith(group)), group)
    })

    t.test('names for each case a test that names it, or says why there is none', async (t) => {
      for (const { id, proof } of rows) {
        const file = /^`(test\/[\w./-]+\.ts)`$/.exec(proof)?.[1]
        if (file === undefined) t.match(proof, /^— .{20,}/, `${id}: a reason`)
        else if (!existsSync(join(ROOT, file))) t.fail(`${id}: ${file} is not there`)
        else t.ok(new RegExp(`\\b${id}\\b`).test(words(readFileSync(join(ROOT, file), 'utf8'))), `${id}: ${file}`)
      }
    })
  })
}
