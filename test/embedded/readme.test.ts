import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { coverage } from './readme/coverage.js'

const README = join(import.meta.dirname, '../../packaging/embedded-kratos/README.md')
const PART = /(<!-- Made by [^\n]*-->\n\n)([^]*?)(<!-- end -->)/

export default async function (t: Test): Promise<void> {
  t.test('README of embedded-kratos', async (t) => {
    t.test('says what is covered, as the code decides it', async (t) => {
      const text = readFileSync(README, 'utf8')
      const wanted = `${coverage()}\n\n`
      if (process.env['UPDATE_README'] === '1') {
        const rewritten = (_all: string, before: string, _old: string, after: string): string => before + wanted + after
        writeFileSync(README, text.replace(PART, rewritten))
        return
      }
      t.equal(PART.exec(text)?.[2], wanted, 'UPDATE_README=1 rewrites it')
    })
  })
}
