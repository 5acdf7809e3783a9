import { goQuote } from './text.js'

const LAYOUT = '2006-01-02T15:04:05Z07:00'
/** Parts of a time in RFC 3339, as Go's layout names them. */
const PARTS: Array<[string, RegExp]> = [
  ['2006', /^\d{4}/], ['-', /^-/], ['01', /^\d\d/], ['-', /^-/], ['02', /^\d\d/], ['T', /^T/],
  ['15', /^\d\d/], [':', /^:/], ['04', /^\d\d/], [':', /^:/], ['05', /^\d\d(?:[.,]\d+)?/], ['Z07:00', /^(?:Z|[+-]\d\d:\d\d)/],
]
const RANGES: Array<[string, RegExp]> = [
  ['month', /^\d{4}-(?:0[1-9]|1[0-2])/],
  ['day', /^.{8}(?:0[1-9]|[12]\d|3[01])/],
  ['hour', /^.{11}(?:[01]\d|2[0-3])/],
  ['minute', /^.{14}[0-5]/],
  ['second', /^.{17}[0-5]/],
]

/** Whether the month has the day. */
const isDay = (text: string): boolean => new Date(`${text.slice(0, 10)}T00:00:00Z`).getUTCDate() === Number(text.slice(8, 10))

/** Why Go reads no time from a JSON text, in its words. */
export function timeProblem (text: string): string | undefined {
  const problem = (why: string): string => `parsing time ${goQuote(text)}${why}`
  let rest = text
  for (const [part, pattern] of PARTS) {
    const [found] = pattern.exec(rest) ?? []
    if (found === undefined) {
      return problem(` as ${goQuote(LAYOUT)}: cannot parse ${goQuote(rest)} as ${goQuote(part)}`)
    }
    rest = rest.slice(found.length)
  }
  if (rest !== '') return problem(`: extra text: ${goQuote(rest)}`)
  const [outside] = RANGES.find(([, range]) => !range.test(text)) ?? (isDay(text) ? [] : ['day'])
  return outside === undefined ? undefined : problem(`: ${outside} out of range`)
}
