import type { AcceptedDifference } from './differences.js'
import type { Difference, ScenarioResult, StepResult } from './types.js'

export interface Verdict {
  equal: number
  total: number
  /** mails and web hook calls */
  equalEffects: number
  totalEffects: number
  /** steps with differences that no entry accepts, with only those differences */
  unaccepted: StepResult[]
  /** entries that no longer occur */
  stale: AcceptedDifference[]
  accepted: number
}

/** Sorts the differences of a scenario into accepted and unaccepted ones. Accepted ones do not count as equal. */
export function judge (result: ScenarioResult, list: readonly AcceptedDifference[]): Verdict {
  const own = list.filter(({ scenario }) => scenario === result.name.slice(0, 2))
  const used = new Set<AcceptedDifference>()
  const isAccepted = (step: StepResult, difference: Difference): boolean => {
    const entry = own.find(
      (candidate) => candidate.step === step.step && candidate.at.some((at) => difference.at.startsWith(at)),
    )
    if (entry !== undefined) used.add(entry)
    return entry !== undefined
  }
  const all = [...result.steps, ...result.effects]
  const unaccepted = all
    .map((step) => ({ ...step, differences: step.differences.filter((difference) => !isAccepted(step, difference)) }))
    .filter(({ differences }) => differences.length > 0)
  const isEqual = ({ differences }: StepResult): boolean => differences.length === 0
  return {
    equal: result.steps.filter(isEqual).length,
    total: result.steps.length,
    equalEffects: result.effects.filter(isEqual).length,
    totalEffects: result.effects.length,
    unaccepted,
    stale: own.filter((entry) => !used.has(entry)),
    accepted: all.filter((step) => !isEqual(step)).length - unaccepted.length,
  }
}
