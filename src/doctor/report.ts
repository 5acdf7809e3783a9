import type { Finding, Severity } from './finding.js'
import { sorted } from './finding.js'

const MARKS: Record<Severity, string> = { error: 'ERROR  ', warning: 'WARNING', note: 'note   ' }

const count = (number: number, word: string): string => `${number} ${word}${number === 1 ? '' : 's'}`

/** For people: one paragraph each, and a line that sums up. */
function asText (findings: Finding[], looked: string): string {
  const paragraphs = findings.map(({ severity, check, what, change }) =>
    `${MARKS[severity]} ${what}\n        -> ${change}  [${check}]\n`,
  )
  const [errors, warnings] = (['error', 'warning'] as const).map((severity) =>
    findings.filter((finding) => finding.severity === severity).length,
  )
  return [...paragraphs, `${count(errors ?? 0, 'error')}, ${count(warnings ?? 0, 'warning')}; ${looked}\n`].join('\n')
}

/**
 * @param looked what was looked at, so that nobody takes silence about the rest for health
 * @returns what to print, and the exit status: 1 with an error
 */
export function report (
  all: Finding[],
  looked: string,
  { json }: { json: boolean },
): { text: string, exitCode: number } {
  const findings = sorted(all)
  const exitCode = findings.some(({ severity }) => severity === 'error') ? 1 : 0
  return { text: json ? `${JSON.stringify({ findings, looked }, null, 2)}\n` : asText(findings, looked), exitCode }
}
