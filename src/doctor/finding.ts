/** `error`: something does not work. `warning`: it works, but not as it should. `note`: worth knowing. */
export type Severity = 'error' | 'warning' | 'note'

export interface Finding {
  /** Name of the check, for filters and tests. */
  check: string
  severity: Severity
  /** What is wrong, and what comes of it. Never a secret. */
  what: string
  /** What to change. */
  change: string
}

/** What one check finds in what was gathered: nothing, one thing, or several. Pure, so that each is tried by itself. */
export type Check<Facts> = (facts: Facts) => Array<Omit<Finding, 'check'>>

/** Checks by their names. */
export type Checks<Facts> = Readonly<Record<string, Check<Facts>>>

export const runChecks = <Facts>(checks: Checks<Facts>, facts: Facts): Finding[] =>
  Object.entries(checks).flatMap(([check, find]) => find(facts).map((found) => ({ check, ...found })))

const worded = (severity: Severity) => (what: string, change: string) => ({ severity, what, change })
export const error = worded('error')
export const warning = worded('warning')
export const note = worded('note')

const ORDER: Severity[] = ['error', 'warning', 'note']

/** The worst first; what two checks say in the same words is said once. */
export function sorted (findings: Finding[]): Finding[] {
  const byWords = new Map(findings.map((finding) => [finding.what, finding]))
  return [...byWords.values()].sort((one, other) => ORDER.indexOf(one.severity) - ORDER.indexOf(other.severity))
}
