import { type Sample, WrongAnswerError } from './measure.js'

/** Something that is measured once in every round. */
export interface Target {
  name: string
  /** Brings compiler, pools and caches to where they stay; not counted. */
  warmUp?: () => Promise<unknown>
  measure: () => Promise<Sample>
}

/**
 * A demand on one figure of the subject, alone or as a ratio to the same figure of another target in the same round.
 */
export interface Comparison {
  subject: string
  /** Without it the figure itself is what counts. */
  against?: string
  figure: keyof Sample
  /** At least or at most this; absent: shown for information. */
  must?: number
  aim?: number
  better: 'more' | 'less'
}

export interface Plan {
  targets: Target[]
  comparisons: Comparison[]
  /** Fewer rounds than asked for are enough, where each of them starts its processes anew. */
  maxRounds?: number
  /** Targets that cannot be started here. */
  skipped?: string[]
}

export interface TargetResult {
  name: string
  samples: Sample[]
  /** Why its figures mean nothing. */
  failure?: string
}

export interface ScenarioResult {
  name: string
  targets: TargetResult[]
  comparisons: Comparison[]
  skipped?: string[]
}

/** A wrong answer is the result of that target; everything else is a fault of the benchmark and ends it. */
async function attempt (result: TargetResult, action: () => Promise<Sample | undefined>): Promise<void> {
  if (result.failure !== undefined) return
  try {
    const sample = await action()
    if (sample !== undefined) result.samples.push(sample)
  } catch (error) {
    if (!(error instanceof WrongAnswerError)) throw error
    result.failure = error.message
  }
}

/**
 * Interleaved, so that what changes on the machine changes for all targets alike, and every other round backwards (A B
 * C, C B A, …): a process gets faster for as long as it is young, and whoever always came later would win by that.
 */
export async function runRounds (
  name: string,
  plan: Plan,
  asked: number,
  progress: (text: string) => void,
): Promise<ScenarioResult> {
  const { targets, comparisons, maxRounds = asked, skipped = [] } = plan
  const rounds = Math.min(asked, maxRounds)
  const all = targets.map((target) => ({ target, result: { name: target.name, samples: [] } as TargetResult }))
  for (const { target, result } of all) {
    await attempt(result, async () => {
      await target.warmUp?.()
      return undefined
    })
  }
  for (let round = 1; round <= rounds; round++) {
    progress(`${name}: round ${round} of ${rounds}`)
    for (const { target, result } of round % 2 === 0 ? all.toReversed() : all) await attempt(result, target.measure)
  }
  return { name, targets: all.map(({ result }) => result), comparisons, skipped }
}
