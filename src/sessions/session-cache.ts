import { LRUCache } from 'lru-cache'
import { deepFreeze } from '../kratos-client/deep-freeze.js'
import { type Epoch, sessionEpoch, withEpoch } from '../kratos-client/kratos-time.js'
import type { KratosSession } from '../kratos-client/session.js'

/** Never a cookie. */
interface Entry {
  identityId: string
  /** The session as JSON: half the size of the object. */
  text: string
  /** Parsed, for the sessions that were used last. */
  session: KratosSession | undefined
  epoch: Epoch | undefined
  /** When Kratos said so, and the last moment of its use, in milliseconds of `performance.now()`. */
  since: number
  until: number
  /** How many purges there had been when it was kept. */
  generation: number
}

export interface SessionCache {
  get: (key: string, now: number) => KratosSession | undefined
  /** When Kratos was asked, and for how long its answer may be used, in milliseconds. */
  set: (key: string, session: KratosSession, times: { since: number, lifetimeMs: number }) => void
  /** Whose session is kept under a key, valid or not. */
  ownerOf: (key: string) => string | undefined
  /** A key, and everything that is kept of an identity under any key. */
  purge: (key: string | undefined, identityId: string | undefined, now: number) => void
  clear: () => void
  size: () => number
}

/** However old a session is that nobody would tell us has ended, in milliseconds. */
export const UNHEARD_MS = 5000
/** Each takes about one and a half kilobytes (N06). */
export const MAX_SESSIONS = 25_000
/** Parsing costs a hot session more than looking it up. */
const MAX_PARSED = 1000
/** More purges within a few seconds, and everything is forgotten. */
const MAX_TOMBSTONES = 10_000

/**
 * By credential. A purge of an identity leaves a tombstone, and older entries count no more: that finds them under any
 * credential without an index. It is needed no longer than an entry can live. @param maxAgeMs longest life of an entry
 * @param isHeard whether other replicas are heard; else nothing is used that is older than five seconds
 */
export function createSessionCache (
  { maxAgeMs, maxSessions = MAX_SESSIONS, isHeard = () => false }:
  { maxAgeMs: number, maxSessions?: number, isHeard?: (() => boolean) | undefined },
): SessionCache {
  const entries = new LRUCache<string, Entry>({ max: maxSessions })
  const parsed = new LRUCache<Entry, true>({
    max: MAX_PARSED,
    dispose: (_, entry) => {
      entry.session = undefined
    },
  })
  const tombstones = new Map<string, { generation: number, until: number }>()
  let generation = 0

  const isPurged = (identityId: string, since: number): boolean => (tombstones.get(identityId)?.generation ?? 0) > since

  function sessionOf (entry: Entry): KratosSession {
    if (entry.session !== undefined && parsed.get(entry) === true) return entry.session
    entry.session = withEpoch(deepFreeze(JSON.parse(entry.text) as KratosSession), entry.epoch)
    parsed.set(entry, true)
    return entry.session
  }

  function get (key: string, now: number): KratosSession | undefined {
    const entry = entries.get(key)
    if (entry === undefined) return undefined
    const isYoung = now - entry.since <= UNHEARD_MS || isHeard()
    if (entry.until > now && isYoung && !isPurged(entry.identityId, entry.generation)) return sessionOf(entry)
    entries.delete(key)
    return undefined
  }

  function set (
    key: string,
    session: KratosSession,
    { since, lifetimeMs }: { since: number, lifetimeMs: number },
  ): void {
    entries.set(key, {
      identityId: session.identity.id,
      text: JSON.stringify(session),
      session: undefined,
      epoch: sessionEpoch(session),
      since,
      until: since + lifetimeMs,
      generation,
    })
  }

  function clear (): void {
    generation++
    entries.clear()
    parsed.clear()
    tombstones.clear()
  }

  /** The oldest come first, because each purge puts its own at the end. */
  function dropOldTombstones (now: number): void {
    for (const [identityId, { until }] of tombstones) {
      if (until > now) return
      tombstones.delete(identityId)
    }
  }

  function purge (key: string | undefined, identityId: string | undefined, now: number): void {
    generation++
    if (key !== undefined) entries.delete(key)
    if (identityId === undefined) return
    dropOldTombstones(now)
    tombstones.delete(identityId)
    if (tombstones.size >= MAX_TOMBSTONES) clear()
    else tombstones.set(identityId, { generation, until: now + maxAgeMs })
  }

  return { get, set, ownerOf: (key) => entries.peek(key)?.identityId, purge, clear, size: () => entries.size }
}
