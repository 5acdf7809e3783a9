import type { KratosSession } from './session.js'

/**
 * What Kratos' clock showed when `performance.now()` was 0, in milliseconds: its time now is the sum of both. Times of
 * a session are Kratos', and our own clock may be wrong by hours (I15).
 */
export type Epoch = number

/** An HTTP date (RFC 9110, section 5.6.7) as Go writes it; anything else is no time to go by. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

const ourEpoch = (): Epoch => Date.now() - performance.now()

/** Answers of one second carry the same text, and reading it costs as much as a header. */
let lastRead: { text: string, ms: number } | undefined

function readDate (text: unknown): number | undefined {
  if (typeof text !== 'string') return undefined
  if (lastRead?.text === text) return lastRead.ms
  const ms = HTTP_DATE.test(text) ? Date.parse(text) : NaN
  if (Number.isNaN(ms)) return undefined
  lastRead = { text, ms }
  return ms
}

/**
 * The epoch of an answer by its `Date`; by our own clock where that is missing or unreadable.
 * @param receivedAt when its head came, in milliseconds of `performance.now()`
 */
export function epochOf (date: unknown, receivedAt: number): Epoch {
  const ms = readDate(date)
  return ms === undefined ? ourEpoch() : ms - receivedAt
}

/** Kratos' time now, in milliseconds; ours without an answer to go by. */
export const timeAt = (epoch: Epoch | undefined): number => (epoch ?? ourEpoch()) + performance.now()

/** Of a session, which is Kratos' own JSON: nothing may be added to it. */
const epochs = new WeakMap<KratosSession, Epoch>()

/** Notes by which clock the times of a session are to be read. */
export function withEpoch (session: KratosSession, epoch: Epoch | undefined): KratosSession {
  if (epoch !== undefined) epochs.set(session, epoch)
  return session
}

export const sessionEpoch = (session: KratosSession): Epoch | undefined => epochs.get(session)

/** Kratos' time now, by the answer that a session came with. */
export const sessionTime = (session: KratosSession): number => timeAt(epochs.get(session))

/** A `Date` has whole seconds, and an answer takes a while: less than this is no wrong clock. */
const MAX_SKEW_MS = 5000

/** By how many milliseconds our clock is ahead of an epoch; undefined while the two agree. */
export function skewOf (epoch: Epoch): number | undefined {
  const ms = ourEpoch() - epoch
  return Math.abs(ms) > MAX_SKEW_MS ? ms : undefined
}
