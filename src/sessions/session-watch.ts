import { sessionTime } from '../kratos-client/kratos-time.js'
import type { KratosSession } from '../kratos-client/session.js'
import type { SessionOutcome } from '../kratos-client/session-outcome.js'
import { type UpstreamFailure, upstreamFailure } from '../kratos-client/upstream-failure.js'
import type { Purge } from './bus.js'
import { keyOf, type UsableCredential } from './resolver.js'

export interface WatchedSession {
  credential: UsableCredential
  identityId: string
  /** Undefined where only its id is known: Kratos is asked when it ends by itself. */
  session: KratosSession | null
  /** `generation()` before Kratos was asked for it. */
  generation: number
}

export interface SessionWatch {
  /** Calls `onEnd` once, when Kratos no longer confirms the session. @returns takes that back */
  add: (session: WatchedSession, onEnd: () => void) => () => void
  /** To be called with every purge, of this process or of another one: Kratos is asked about what it may concern. */
  recheck: (purge: Purge) => void
  /** Grows with each purge: an answer of an earlier one may know nothing of it. */
  generation: () => number
  /** Whether anybody waits. */
  isNeeded: () => boolean
  /** How many wait. */
  size: () => number
  close: () => void
}

/** One for all who watch the same credential. */
interface Entry {
  readonly key: string
  readonly credential: UsableCredential
  readonly identityId: string
  readonly waiting: Set<{ onEnd: () => void }>
  timer: NodeJS.Timeout | undefined
  pauseMs: number
}

/** A purge of everything must not take the connections to Kratos away from requests. */
const MAX_AT_ONCE = 2
const FIRST_PAUSE_MS = 1000
const LONGEST_PAUSE_MS = 30_000
/** Node's longest timer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

const unknown = (error: unknown): UpstreamFailure => upstreamFailure('UPSTREAM_ERROR', error)
const remainingMs = (session: KratosSession): number => Date.parse(session.expires_at) - sessionTime(session)

/**
 * Tells when a session that something long depends on, such as a WebSocket, has ended. A purge says only that something
 * has changed, so Kratos decides. While it cannot be asked nothing has ended (docs/decisions/0005).
 */
export function createSessionWatch ({ ask, isDeleted }: {
  ask: (credential: UsableCredential) => Promise<SessionOutcome>
  isDeleted: (identityId: string) => boolean
}): SessionWatch {
  const entries = new Map<string, Entry>()
  const due = new Set<Entry>()
  let [asking, generation] = [0, 0]

  function enqueue (entry: Entry): void {
    due.add(entry)
    askNext()
  }

  function askNext (): void {
    const [entry] = due
    if (entry === undefined || asking >= MAX_AT_ONCE) return
    due.delete(entry)
    asking++
    check(entry).finally(() => {
      asking--
      askNext()
    }).catch(() => {})
  }

  function askIn (entry: Entry, ms: number): void {
    clearTimeout(entry.timer)
    // Not at once: the clocks may differ by a little.
    const delayMs = Math.min(Math.max(ms, FIRST_PAUSE_MS), LONGEST_TIMER_MS)
    entry.timer = setTimeout(() => enqueue(entry), delayMs).unref()
  }

  function drop (entry: Entry): void {
    clearTimeout(entry.timer)
    due.delete(entry)
    entries.delete(entry.key)
  }

  function end (entry: Entry): void {
    drop(entry)
    for (const { onEnd } of entry.waiting) onEnd()
  }

  async function check (entry: Entry): Promise<void> {
    const outcome = isDeleted(entry.identityId) ? undefined : await ask(entry.credential).catch(unknown)
    if (entries.get(entry.key) !== entry) return
    if (outcome?.kind === 'unavailable') {
      askIn(entry, entry.pauseMs)
      entry.pauseMs = Math.min(entry.pauseMs * 2, LONGEST_PAUSE_MS)
      return
    }
    entry.pauseMs = FIRST_PAUSE_MS
    if (outcome?.kind === 'valid' && outcome.session.identity.id === entry.identityId) {
      askIn(entry, remainingMs(outcome.session))
    } else end(entry)
  }

  function begin ({ credential, identityId, session }: WatchedSession, key: string): Entry {
    const entry: Entry = { key, credential, identityId, waiting: new Set(), timer: undefined, pauseMs: FIRST_PAUSE_MS }
    entries.set(key, entry)
    if (session === null) enqueue(entry)
    else askIn(entry, remainingMs(session))
    return entry
  }

  function add (session: WatchedSession, onEnd: () => void): () => void {
    const key = keyOf(session.credential)
    const entry = entries.get(key) ?? begin(session, key)
    const own = { onEnd }
    entry.waiting.add(own)
    // Something has ended since the guard asked; nobody can say any more whether it was this one.
    if (session.generation !== generation) enqueue(entry)
    return () => {
      if (entry.waiting.delete(own) && entry.waiting.size === 0 && entries.get(key) === entry) drop(entry)
    }
  }

  function recheck ({ key, identityId, all = false }: Purge): void {
    generation++
    if (!all && key === undefined && identityId === undefined) return
    for (const entry of entries.values()) {
      if (all || entry.key === key || entry.identityId === identityId) enqueue(entry)
    }
  }

  return {
    add,
    recheck,
    generation: () => generation,
    isNeeded: () => entries.size > 0,
    size: () => [...entries.values()].reduce((sum, { waiting }) => sum + waiting.size, 0),
    close: () => {
      for (const entry of entries.values()) drop(entry)
    },
  }
}
