import type { Sample } from './measure.js'
import type { Comparison, ScenarioResult, TargetResult } from './rounds.js'

/** Median with the smallest and the largest of the rounds. */
export interface Spread {
  median: number
  min: number
  max: number
}

export function spread (values: number[]): Spread | undefined {
  const sorted = values.filter(Number.isFinite).toSorted((a, b) => a - b)
  const [min] = sorted
  const max = sorted.at(-1)
  if (min === undefined || max === undefined) return undefined
  const middle = sorted.length / 2
  const median = ((sorted[Math.ceil(middle) - 1] ?? min) + (sorted[Math.floor(middle)] ?? max)) / 2
  return { median, min, max }
}

/**
 * The demand in figures: per round the figure, or its ratio to the reference in the same round, and only then the
 * median.
 */
export function compare ({ targets }: ScenarioResult, { subject, against, figure }: Comparison): Spread | undefined {
  const samplesOf = (name: string): Sample[] | undefined =>
    targets.find((target) => target.name === name && target.failure === undefined)?.samples
  const own = samplesOf(subject)
  const others = against === undefined ? undefined : samplesOf(against)
  if (own === undefined || (against !== undefined && others === undefined)) return undefined
  return spread(
    own.map((sample, round) =>
      (sample[figure] ?? NaN) / (against === undefined ? 1 : others?.[round]?.[figure] ?? NaN),
    ),
  )
}

export const isMet = ({ better }: Comparison, value: number, limit: number): boolean =>
  better === 'more' ? value >= limit : value <= limit

const HEADER = [
  'scenario',
  'target',
  'req/s',
  'p50 ms',
  'p99 ms',
  'CPU µs/req',
  'RSS MB',
  'Kratos calls/req',
  'subject ÷ this',
  'must',
  'aim',
  '',
]
const number = (value: number, digits: number): string => value.toFixed(digits)

const withSpread = (found: Spread | undefined, digits: number): string =>
  found === undefined
    ? '–'
    : `${number(found.median, digits)} (${number(found.min, digits)}–${number(found.max, digits)})`

const figureOf = ({ samples }: TargetResult, figure: keyof Sample): Spread | undefined =>
  spread(samples.flatMap((sample) => sample[figure] ?? []))
const median = (target: TargetResult, figure: keyof Sample, digits: number): string => {
  const found = figureOf(target, figure)
  return found === undefined ? '–' : number(found.median, digits)
}

function memory (target: TargetResult): string {
  const idle = figureOf(target, 'idleMb')
  return (idle === undefined ? '' : `${number(idle.median, 0)} → `) + median(target, 'rssMb', 0)
}

function figures (target: TargetResult): string[] {
  if (target.failure !== undefined) return [`FAILED: ${target.failure}`, '–', '–', '–', '–', '–']
  return [
    withSpread(figureOf(target, 'rate'), 0),
    median(target, 'p50Ms', 2),
    median(target, 'p99Ms', 2),
    median(target, 'cpuUs', 0),
    memory(target),
    median(target, 'calls', 2),
  ]
}

/** Where the figure is not the request rate, the cell says which it is. */
const LABEL: Partial<Record<keyof Sample, string>> = {
  p99Ms: 'p99',
  cpuUs: 'CPU',
  rssMb: 'RSS',
  idleMb: 'idle RSS',
  growthMb: 'growth MB',
}

function demand (result: ScenarioResult, comparison: Comparison): string[] {
  const { figure, better, must, aim } = comparison
  const found = compare(result, comparison)
  const bound = (limit: number | undefined): string =>
    limit === undefined ? '' : `${better === 'more' ? '≥' : '≤'} ${limit}`
  const verdict = (): string => {
    if (must === undefined) return ''
    if (found === undefined || !isMet(comparison, found.median, must)) return 'below must'
    return aim !== undefined && isMet(comparison, found.median, aim) ? 'aim' : 'must'
  }
  const label = LABEL[figure]
  return [
    (label === undefined ? '' : `${label} `) + withSpread(found, figure === 'growthMb' ? 1 : 2),
    bound(must),
    bound(aim),
    verdict(),
  ]
}

function rowsOf (result: ScenarioResult): string[][] {
  return result.targets.flatMap((target) => {
    const demands = result.comparisons.filter(({ subject, against }) => (against ?? subject) === target.name).map((
      comparison,
    ) => demand(result, comparison))
    const [first = ['', '', '', ''], ...others] = demands
    return [
      [result.name, target.name, ...figures(target), ...first],
      ...others.map((other) => [result.name, target.name, '', '', '', '', '', '', ...other]),
    ]
  })
}

export const tableLine = (cells: string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll(/[|\s]+/g, ' ').trim()).join(' | ')} |`

/** All results as one Markdown table. */
export const markdownTable = (results: ScenarioResult[]): string =>
  [tableLine(HEADER), `|${HEADER.map(() => '---|').join('')}`, ...results.flatMap(rowsOf).map(tableLine)].join('\n')
