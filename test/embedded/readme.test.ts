import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { coverage } from './readme/coverage.js'

const README = join(import.meta.dirname, '../../packaging/embedded-kratos/README.md')
const PART = /(<!-- Made by [^\n]*-->\n\n)([^]*?)(<!-- end -->)/

t.test('README of embedded-kratos', async (t) => {
  t.test('says what is covered, as the code decides it', async (t) => {
    const text = readFileSync(README, 'utf8')
    const wanted = `${coverage()}\n\n`
    if (process.env['UPDATE_README'] === '1') {
      writeFileSync(README, text.replace(PART, (_all, before: string, _old, after: string) => before + wanted + after))
      return
    }
    t.equal(PART.exec(text)?.[2], wanted, 'UPDATE_README=1 rewrites it')
  })
})
