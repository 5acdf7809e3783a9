import type { Sample } from './measure.js'
import type { Comparison, ScenarioResult } from './rounds.js'
import { isMet, tableLine } from './table.js'

/** Median with the quarter of the rounds below and the quarter above cut off: a busy machine spoils some of them. */
export interface Quartiles {
  q25: number
  median: number
  q75: number
}

const at = (sorted: number[], part: number): number => sorted[Math.round(part * (sorted.length - 1))] ?? NaN

export function quartiles (values: number[]): Quartiles {
  const sorted = values.toSorted((a, b) => a - b)
  return { q25: at(sorted, 0.25), median: at(sorted, 0.5), q75: at(sorted, 0.75) }
}

const HEADER =
  ['scenario', 'target', 'CPU µs/req', 'RSS MB', 'subject', 'subject ÷ this', 'subject − this', 'must', 'aim', '']

const shown = ({ q25, median, q75 }: Quartiles, digits: number): string =>
  `${median.toFixed(digits)} (${q25.toFixed(digits)}–${q75.toFixed(digits)})`

const cpu = (samples: Sample[]): number[] => samples.map(({ cpuUs = NaN }) => cpuUs)

function verdict (comparison: Comparison, ratio: number): string {
  const { must, aim } = comparison
  if (must === undefined) return ''
  if (!isMet(comparison, ratio, must)) return 'below must'
  return aim !== undefined && isMet(comparison, ratio, aim) ? 'aim' : 'must'
}

/** Ratio of the medians of the run, with the quartiles of the ratios within the rounds as its spread. */
function demand (own: number[], other: number[], comparison: Comparison): string[] {
  const ratio = quartiles(own).median / quartiles(other).median
  const { q25, q75 } = quartiles(own.map((value, round) => value / (other[round] ?? NaN)))
  return [
    comparison.subject,
    shown({ q25, median: ratio, q75 }, 2),
    (quartiles(own).median - quartiles(other).median).toFixed(1),
    String(comparison.must ?? ''),
    String(comparison.aim ?? ''),
    verdict(comparison, ratio),
  ]
}

function rowsOf ({ name, targets, comparisons, skipped = [] }: ScenarioResult): string[][] {
  const samplesOf = (wanted: string): Sample[] => targets.find((target) => target.name === wanted)?.samples ?? []
  const rows = targets.flatMap((target) => {
    if (target.failure !== undefined) return [[name, target.name, `FAILED: ${target.failure}`, '', '', '', '', '', '', '']]
    const rss = quartiles(target.samples.map(({ rssMb = NaN }) => rssMb)).median.toFixed(0)
    const figures = [name, target.name, shown(quartiles(cpu(target.samples)), 1), rss]
    const demands = comparisons.filter(({ subject, against }) =>
      against === target.name && samplesOf(subject).length > 0)
    if (demands.length === 0) return [[...figures, '', '', '', '', '', '']]
    return demands.map((comparison) =>
      [...figures, ...demand(cpu(samplesOf(comparison.subject)), cpu(target.samples), comparison)])
  })
  return [...rows, ...skipped.map((target) => [name, target, 'skipped: not on the PATH', '', '', '', '', '', '', ''])]
}

export const oneCoreTable = (results: ScenarioResult[]): string =>
  [tableLine(HEADER), `|${HEADER.map(() => '---|').join('')}`, ...results.flatMap(rowsOf).map(tableLine)].join('\n')
