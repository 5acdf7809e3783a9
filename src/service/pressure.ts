import type { ShedClass } from '../shed-class.js'

// Pressure from which a class is refused (M05). A flow that nobody has begun to fill in is the cheapest to lose; who
// has typed a password comes last. Health, logout and the webhook end sessions, or tell others how we are.
export const SHED_AT: Record<ShedClass, number> = { start: 0.5, list: 0.65, read: 0.8, submit: 1, never: Infinity }

/** First match wins; everything else is `read`. By route templates, so no spelling of a URL matters. */
const CLASS_OF_ROUTE: Array<[route: RegExp, shedClass: ShedClass]> = [
  [/^\S+ \/(?:health|internal|metrics)(?:\/|$)/, 'never'],
  [/^\S+ \/api\/auth\/(?:flows\/)?logout\/?$/, 'never'],
  [/^(?:GET|HEAD) \/api\/auth\/flows\/[a-z]+$/, 'start'],
  [/^(?:GET|HEAD) \/api\/documents\/?$/, 'list'],
  [/^POST \/api\/auth\/flows\/[a-z]+$/, 'submit'],
]

/** @param route template, as Fastify has it: `/api/documents/:id` */
export const shedClassOf = (method: string, route: string): ShedClass =>
  CLASS_OF_ROUTE.find(([pattern]) => pattern.test(`${method} ${route}`))?.[1] ?? 'read'

export interface PressureReading {
  /** Mean lateness of the event loop over the last sample: the age of what waits in front of us. */
  eventLoopDelayMs: number
  inFlight: number
  heapUsedBytes: number
}

export interface PressureLimits {
  eventLoopDelayMs: number
  inFlight: number
  heapBytes: number
}

/** So few requests are no overload: the machine makes them late, and refusing them would not help it. */
const FEW_REQUESTS = 16
/** Part of the heap after which collecting it takes over, and then the process ends. */
const FULL_HEAP = 0.95

/** 1: all that the process can do; the worst of three readings counts (M06). A busy but punctual event loop is fine. */
export function pressureOf (
  { eventLoopDelayMs, inFlight, heapUsedBytes }: PressureReading,
  limits: PressureLimits,
): number {
  if (inFlight < FEW_REQUESTS) return 0
  // Without a sample the delay is no number.
  const delay = Number.isFinite(eventLoopDelayMs) ? eventLoopDelayMs / limits.eventLoopDelayMs : 0
  const heap = heapUsedBytes >= FULL_HEAP * limits.heapBytes ? 1 : 0
  return Math.max(delay, inFlight / limits.inFlight, heap)
}
