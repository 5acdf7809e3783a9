import type { Verdict } from './judge.js'
import type { ScenarioResult, StepResult } from './types.js'

const longestValue = 300

/** `NN-name: N of M equal`, with mails and web hook calls if there are any. */
export function scenarioLine ({ name }: ScenarioResult, verdict: Verdict): string {
  const effects = verdict.totalEffects === 0
    ? ''
    : `, ${verdict.equalEffects} of ${verdict.totalEffects} mails and web hook steps equal`
  const accepted = verdict.accepted === 0 ? '' : `, ${verdict.accepted} listed`
  return `${name}: ${verdict.equal} of ${verdict.total} equal${effects}${accepted}`
}

/** The differences of each step, indented; at most `limit` per step. */
export function differenceLines (steps: readonly StepResult[], limit = Infinity): string[] {
  return steps.flatMap((step, position) => [
    `  ${step.index >= 0 ? `[${step.index}] ` : ''}${step.step}`,
    ...(isRepeated(step, steps[position - 1]) ? ['    as above'] : linesOf(step, limit)),
  ])
}

function linesOf ({ differences }: StepResult, limit: number): string[] {
  const lines = differences
    .slice(0, limit)
    .flatMap(({ at, recorded, live }) => [
      `    ${at}`,
      `      recorded ${cut(recorded)}`,
      `      live     ${cut(live)}`,
    ])
  return differences.length > limit ? [...lines, `    and ${differences.length - limit} more`] : lines
}

function isRepeated (step: StepResult, last: StepResult | undefined): boolean {
  return last !== undefined && JSON.stringify(step.differences) === JSON.stringify(last.differences)
}

export function staleLines ({ stale }: Verdict): string[] {
  return stale.map(
    ({ scenario, step, at }) => `  listed difference no longer occurs: ${scenario} "${step}" ${at.join(', ')}`,
  )
}

export function totalLine (verdicts: readonly Verdict[]): string {
  const sum = (of: (verdict: Verdict) => number): number => verdicts.reduce((total, verdict) => total + of(verdict), 0)
  const exchanges = `${sum(({ equal }) => equal)} of ${sum(({ total }) => total)} exchanges equal`
  const effects = `${sum((verdict) => verdict.equalEffects)} of ${sum((verdict) => verdict.totalEffects)}`
  const listed = sum(({ accepted }) => accepted)
  return `${exchanges}, ${effects} mails and web hook steps equal, ${listed} listed differences`
}

const cut = (text: string): string => text.length > longestValue ? `${text.slice(0, longestValue)}...` : text
