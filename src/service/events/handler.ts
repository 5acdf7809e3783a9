import type { EventRecord } from '../store/store.js'
import type { SubscriptionRepository } from '../store/subscriptions.js'

export interface Delivery {
  /** From 1 on. */
  attempt: number
  /** Aborted when this attempt takes too long, or another process may take over. */
  signal: AbortSignal
}

/** Takes an event, or throws. The same event may come again, also after it was taken. */
export type EventHandler = (event: EventRecord, delivery: Delivery) => Promise<void> | void

export interface SubscriptionOptions {
  name: string
  handler: EventHandler
  store: SubscriptionRepository
  /** Told of each attempt that failed; `isDead`: it was the last one. */
  onFailure?: (failure: { event: EventRecord, attempt: number, error: string, isDead: boolean }) => void
  /** Told when the database cannot be used, once until it can. */
  onTrouble?: (error: unknown) => void
  /** How long a process that says nothing keeps the others from taking over. */
  leaseMs?: number
  pollMs?: number
  /** Longest time of one attempt. */
  attemptMs?: number
  /** Milliseconds between attempts; one more attempt than these, and the event is a dead letter. */
  delays?: readonly number[]
}
