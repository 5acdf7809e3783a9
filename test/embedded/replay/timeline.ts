import type { Exchange, Json } from './types.js'

interface Moment {
  /** second of the answer's `Date`, undefined where there is none */
  date: number | undefined
  /** exact time of the request's end, if the answer shows it */
  exact: number | undefined
  elapsed: number
}

/** The times in the answer of a short request are at most this much older than its Date. */
const slownessMs = 20

/**
 * The time of each request in milliseconds, as exactly as the recording tells. `Date` gives the second; a new time in
 * the answer, or `since` of an expired flow, gives the moment. Where the recorder must have slept between two requests,
 * the second one gets the latest time that its answer allows, because the sleep was for an expiry.
 */
export function timelineOf (exchanges: readonly Exchange[]): number[] {
  const seen = new Set<string>()
  const moments = exchanges.map((exchange) => momentOf(exchange, seen))
  const latest = latestTimes(moments)
  const times: number[] = []
  let clock = -Infinity
  moments.forEach((moment, index) => {
    const earliest = (moment.exact ?? moment.date ?? clock) - moment.elapsed
    const hasSlept = earliest > clock && moment.exact === undefined && Number.isFinite(clock)
    clock = Math.max(clock, hasSlept ? latest[index] ?? earliest : earliest)
    times.push(clock)
    clock += moment.elapsed
  })
  return times
}

function momentOf ({ response, elapsed_ms: elapsed = 0 }: Exchange, seen: Set<string>): Moment {
  const header = response.headers.find(([name]) => name.toLowerCase() === 'date')?.[1]
  const date = header === undefined ? undefined : Date.parse(header)
  const fresh = timesIn(response.body ?? null).filter((time) => !seen.has(time))
  fresh.forEach((time) => seen.add(time))
  if (date === undefined) return { date, exact: undefined, elapsed }
  const near = fresh.map((time) => Date.parse(time)).filter((time) => time >= date - slownessMs && time < date + 1000)
  const exact = expiryMoment(response.body ?? null) ??
    (near.length > 0 && elapsed < 500 ? Math.max(...near) : undefined)
  return { date, exact, elapsed }
}

function expiryMoment (body: Json): number | undefined {
  if (body === null || typeof body !== 'object' || Array.isArray(body)) return undefined
  const { expired_at: expiredAt, since } = body
  return typeof expiredAt === 'string' && typeof since === 'number'
    ? Date.parse(expiredAt) + Math.ceil(since / 1e6)
    : undefined
}

/** Times at which something happened. A time at which something will end says nothing about now. */
function timesIn (body: Json): string[] {
  const text = JSON.stringify(body).replaceAll(/"expire[sd]_at":"[^"]*"/g, '')
  return text.match(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g) ?? []
}

function latestTimes (moments: Moment[]): number[] {
  let limit = Infinity
  return moments.map((moment) => moment).reverse().map(({ date, exact, elapsed }) => {
    limit = Math.min(limit, exact ?? (date === undefined ? Infinity : date + 999)) - elapsed
    return limit
  }).reverse()
}
