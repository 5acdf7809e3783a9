import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Expected, FAULTS, type Group, GROUPS, LATE, REFUSALS } from './faults.js'
import { ROOT } from './process.js'
import { UNREACHABLE } from './unreachable.js'

export const UNREACHABLE_ANSWER: Expected = [503, 'UPSTREAM_UNAVAILABLE']
export const LATE_ANSWER: Expected = [504, 'UPSTREAM_TIMEOUT']

const FILE = join(ROOT, 'docs/failures.md')
const HEAD = `| | ${GROUPS.join(' | ')} |\n|${'---|'.repeat(GROUPS.length + 1)}\n`

const row = (name: string, expected: (group: Group) => Expected): string =>
  `| ${name.replaceAll('|', '\\|')} | ${GROUPS.map((group) => expected(group).join(' ')).join(' | ')} |\n`

/** The tables of docs/failures.md, made of what the suite runs. */
export const failureTables = (): string =>
  [
    '## Kratos cannot be reached\n\n',
    HEAD,
    ...UNREACHABLE.map(([name]) => row(name, () => UNREACHABLE_ANSWER)),
    '\n## Kratos is too late\n\n',
    HEAD,
    ...LATE.map(([name]) => row(name, () => LATE_ANSWER)),
    '\n## Kratos answers, and the answer is of no use\n\n',
    HEAD,
    ...FAULTS.map(([name, , expected]) => row(name, () => expected)),
    '\n## Kratos is well and says no\n\n',
    HEAD,
    ...REFUSALS.map(([name, , expected]) => row(name, (group) => expected[group])),
  ].join('')

/** What the document says before its tables, and the tables. */
export function readDocument (): { intro: string, tables: string } {
  const text = readFileSync(FILE, 'utf8')
  const start = text.indexOf('## ')
  return { intro: text.slice(0, start), tables: text.slice(start) }
}

// Run by itself it writes the tables anew: node --import tsx test/support/failure-table.ts
if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) { writeFileSync(FILE, readDocument().intro + failureTables()) }
