import { randomUUID } from 'node:crypto'
import { type Lease, LeaseLostError } from '../store/subscriptions.js'
import { deliverDue, deliverNext } from './delivery.js'
import type { SubscriptionOptions } from './handler.js'

export interface Subscription {
  start: () => void
  /** Ends what is under way, and lets others take over at once. */
  stop: () => Promise<void>
}

const LEASE_MS = 30_000
const POLL_MS = 1000
const ATTEMPT_MS = 15_000
const MINUTE = 60_000
const HOUR = 60 * MINUTE
/** Ten attempts over 24 hours. */
export const DELAYS = [
  10_000, MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 13 * HOUR + 8 * MINUTE + 50_000,
]
/** Of the lease, after which its holder stops by itself: the others wait for all of it. */
const TRUSTED = 0.8
const RENEWALS = 4
const FREE_EVERY = 60
/** What is under way when the service ends. */
const GRACE_MS = 5000

/**
 * Works for one subscriber, in one process at a time. The lease is a beat that grows: a process that has seen the same
 * one for `leaseMs` by its own clock takes over, so no two clocks have to agree.
 */
export function createSubscription (options: SubscriptionOptions): Subscription {
  const { name, store, leaseMs = LEASE_MS, pollMs = POLL_MS, attemptMs = ATTEMPT_MS, onTrouble = () => {} } = options
  const owner = randomUUID()
  let seen: { lease: Lease, since: number } | undefined
  /** When the last renewal that worked was begun; undefined: somebody else has the lease. */
  let heldSince: number | undefined
  let working = new AbortController()
  let [hadLease, isStopped, isTroubled] = [false, false, false]
  let rounds = 0
  let timer: NodeJS.Timeout | undefined
  let renewal: NodeJS.Timeout | undefined
  let current = Promise.resolve()

  const isHeld = (): boolean => heldSince !== undefined && performance.now() - heldSince < leaseMs * TRUSTED

  function lose (): void {
    heldSince = undefined
    seen = undefined
    clearInterval(renewal)
    working.abort()
  }

  /** Beside the work, which may take longer than the lease. */
  async function renew (): Promise<void> {
    const begun = performance.now()
    if (!isHeld()) return lose()
    try {
      await store.renew(name, owner)
      if (heldSince !== undefined) heldSince = begun
    } catch (error) {
      if (error instanceof LeaseLostError || !isHeld()) lose()
    }
  }

  async function acquire (): Promise<boolean> {
    const lease = await store.lease(name)
    const now = performance.now()
    const isSame = seen !== undefined && seen.lease.owner === lease.owner && seen.lease.beat === lease.beat
    if (!isSame) seen = { lease, since: now }
    const isFree = lease.owner === null || lease.owner === owner || (seen !== undefined && now - seen.since >= leaseMs)
    if (!isFree || isStopped || !await store.take(name, owner, lease)) return false
    heldSince = now
    hadLease = true
    working = new AbortController()
    renewal = setInterval(renew, leaseMs / RENEWALS).unref()
    return true
  }

  async function work (): Promise<void> {
    if (heldSince === undefined && !await acquire()) return
    if (rounds++ % FREE_EVERY === 0) await store.freeWaiting(name)
    const { delays = DELAYS } = options
    const isEnding = (): boolean => isStopped
    const scope = { ...options, owner, attemptMs, delays, isHeld, isEnding, signal: working.signal }
    while (!isEnding() && isHeld() && await deliverDue(scope));
    while (!isEnding() && isHeld() && await deliverNext(scope));
  }

  async function round (): Promise<void> {
    try {
      await work()
      isTroubled = false
    } catch (error) {
      if (error instanceof LeaseLostError) return lose()
      if (!isTroubled) onTrouble(error)
      isTroubled = true
    }
  }

  function schedule (): void {
    if (isStopped) return
    timer = setTimeout(() => {
      current = round().finally(schedule)
    }, pollMs).unref()
  }

  return {
    start: () => {
      current = round().finally(schedule)
    },
    stop: async () => {
      isStopped = true
      clearTimeout(timer)
      const grace = setTimeout(() => working.abort(), GRACE_MS)
      await current
      clearTimeout(grace)
      clearInterval(renewal)
      // Where the database is away, the others wait for the lease to run out.
      if (hadLease) await store.release(name, owner).catch(() => {})
    },
  }
}
