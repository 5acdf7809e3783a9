import type { EventRecord } from '../store/store.js'
import type { PlacedEvent } from '../store/events.js'
import { type DueEvent, LeaseLostError, type Undelivered } from '../store/subscriptions.js'
import type { SubscriptionOptions } from './handler.js'

export interface DeliveryScope extends SubscriptionOptions {
  owner: string
  attemptMs: number
  delays: readonly number[]
  isHeld: () => boolean
  /** Aborted when the lease is lost. */
  signal: AbortSignal
  /** No further event is begun. */
  isEnding: () => boolean
}

const BATCH = 100
/** Identities whose events are delivered at the same time. */
const LANES = 8

/** In the order of events; those without an identity are on their own. */
function groupsOf<T extends PlacedEvent> (events: readonly T[]): T[][] {
  const groups = new Map<string, T[]>()
  for (const event of events) {
    const key = event.identity_id ?? `event ${event.id}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [event])
    else group.push(event)
  }
  return [...groups.values()].map((group) => group.sort((one, other) => one.position - other.position))
}

/** Ends when nothing is under way any more, also where something failed. */
async function inLanes<T> (groups: readonly T[], work: (group: T) => Promise<void>): Promise<void> {
  const waiting = [...groups]
  const lanes = await Promise.allSettled(Array.from({ length: LANES }, async () => {
    try {
      for (let group = waiting.shift(); group !== undefined; group = waiting.shift()) await work(group)
    } catch (error) {
      waiting.length = 0
      throw error
    }
  }))
  for (const lane of lanes) if (lane.status === 'rejected') throw lane.reason
}

/** A word for the log and the dead letter; an error's text may hold anything. */
function wordOf (error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}

/** Rejects as soon as the attempt has to end, whatever the handler makes of its signal. */
async function attempt (
  { handler, attemptMs, signal }: DeliveryScope,
  event: EventRecord,
  count: number,
): Promise<void> {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(new DOMException('The attempt took too long', 'TimeoutError')), attemptMs)
  const ended = AbortSignal.any([signal, late.signal])
  let onEnd = (): void => {}
  const end = new Promise<never>((_resolve, reject) => {
    onEnd = () => reject(ended.reason instanceof Error ? ended.reason : new Error('aborted'))
    ended.addEventListener('abort', onEnd, { once: true })
  })
  try {
    await Promise.race([handler(event, { attempt: count, signal: ended }), end])
  } finally {
    clearTimeout(timer)
    // Node keeps a signal made of others for as long as it has a listener and they live.
    ended.removeEventListener('abort', onEnd)
  }
}

/** Undefined: it was taken. @throws LeaseLostError, then nobody knows */
async function tryOnce (scope: DeliveryScope, placed: PlacedEvent, attempts: number): Promise<Undelivered | undefined> {
  if (!scope.isHeld() || scope.signal.aborted) throw new LeaseLostError('The lease could not be renewed')
  const { position, ...event } = placed
  try {
    await attempt(scope, event, attempts + 1)
    return undefined
  } catch (error) {
    if (scope.signal.aborted) throw new LeaseLostError('The lease could not be renewed')
    const delay = scope.delays[attempts]
    const isDead = delay === undefined
    const word = wordOf(error)
    scope.onFailure?.({ event, attempt: attempts + 1, error: word, isDead })
    return {
      position,
      identityId: event.identity_id,
      attempts: attempts + 1,
      nextAt: isDead ? null : Date.now() + delay,
      isDead,
      error: word,
    }
  }
}

/** Whether there was something to do, so that there may be more. */
export async function deliverNext (scope: DeliveryScope): Promise<boolean> {
  const { store, name, owner, isEnding } = scope
  const events = await store.next(name, BATCH)
  const last = events.at(-1)
  if (last === undefined) return false
  const identities = new Set(events.map(({ identity_id: id }) => id).filter((id) => id !== null))
  const blocked = new Set(await store.waiting(name, [...identities]))
  const left: Undelivered[] = []

  await inLanes(groupsOf(events), async (group) => {
    let isBlocked = blocked.has(group[0]?.identity_id ?? '')
    let isCut = false
    for (const event of group) {
      if (!isBlocked && isEnding()) isCut = true
      if (isBlocked || isCut) {
        // The first of an identity that was not tried is due at once, when somebody goes on.
        const nextAt = isBlocked ? null : Date.now()
        left.push({ position: event.position, identityId: event.identity_id, attempts: 0, nextAt })
        isBlocked = true
        continue
      }
      const failed = await tryOnce(scope, event, 0)
      if (failed !== undefined) left.push(failed)
      isBlocked = failed !== undefined && failed.isDead !== true
    }
  })
  await store.advance(name, owner, last.position, left)
  return true
}

/** Whether there was something to do, so that there may be more. */
export async function deliverDue (scope: DeliveryScope): Promise<boolean> {
  const { store, name, owner, isEnding } = scope
  const events = await store.due(name, Date.now(), BATCH)
  await inLanes(groupsOf<DueEvent>(events), async (group) => {
    for (const { attempts, ...event } of group) {
      if (isEnding()) return
      const failed = await tryOnce(scope, event, attempts)
      if (failed !== undefined) return await store.failed(name, owner, failed)
      await store.delivered(name, owner, { position: event.position, identityId: event.identity_id })
    }
  })
  return events.length > 0
}
