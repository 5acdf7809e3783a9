import type { KratosSession } from './session.js'

/** Kratos' clock at `performance.now()` = 0, in milliseconds: our own clock may be wrong by hours (I15). */
export type Epoch = number

/** An HTTP date (RFC 9110, section 5.6.7) as Go writes it. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

const ourEpoch = (): Epoch => Date.now() - performance.now()

/** Answers of one second carry the same text. */
let lastRead: { text: string, ms: number } | undefined

function readDate (text: unknown): number | undefined {
  if (typeof text !== 'string') return undefined
  if (lastRead?.text === text) return lastRead.ms
  const ms = HTTP_DATE.test(text) ? Date.parse(text) : NaN
  if (Number.isNaN(ms)) return undefined
  lastRead = { text, ms }
  return ms
}

/** By `Date`, or by our own clock where that is missing or unreadable. @param receivedAt of `performance.now()` */
export function epochOf (date: unknown, receivedAt: number): Epoch {
  const ms = readDate(date)
  return ms === undefined ? ourEpoch() : ms - receivedAt
}

export const timeAt = (epoch: Epoch | undefined): number => (epoch ?? ourEpoch()) + performance.now()

/**
 * The same, for the end of a session that Kratos has just given out: a `Date` behind that end is not Kratos', whose
 * answer may come through something that writes another one; then our own clock counts.
 */
export function timeBefore (end: number, epoch: Epoch | undefined): number {
  const time = timeAt(epoch)
  return time < end ? time : timeAt(undefined)
}

/** Not a member of the session, which is Kratos' own JSON. */
const epochs = new WeakMap<KratosSession, Epoch>()

export function withEpoch (session: KratosSession, epoch: Epoch | undefined): KratosSession {
  if (epoch !== undefined) epochs.set(session, epoch)
  return session
}

export const sessionEpoch = (session: KratosSession): Epoch | undefined => epochs.get(session)

/** Kratos' time now, by the answer that the session came with. */
export const sessionTime = (session: KratosSession): number => timeAt(epochs.get(session))

/** A `Date` has whole seconds, and an answer takes a while. */
export const MAX_SKEW_MS = 5000

/** Milliseconds by which our clock is ahead; undefined while the two agree. */
export function skewOf (epoch: Epoch): number | undefined {
  const ms = ourEpoch() - epoch
  return Math.abs(ms) > MAX_SKEW_MS ? ms : undefined
}
