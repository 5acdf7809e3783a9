import { hash } from 'node:crypto'
import type { KratosClient } from '../kratos-client/client.js'
import { type Credential, isUsable, type UsableCredential } from '../kratos-client/credential.js'
import type { RequestScope } from '../kratos-client/request-scope.js'
import type { IdentityOutcome, SessionOutcome } from '../kratos-client/session-outcome.js'
import type { KratosSession } from '../kratos-client/session.js'
import { sessionTime } from '../kratos-client/kratos-time.js'
import { createSingleFlight, type LookUp, type Shared } from '../kratos-client/single-flight.js'
import type { UpstreamFailure } from '../kratos-client/upstream-failure.js'
import type { Purge } from './bus.js'
import { cacheLifetimeMs } from './cache-lifetime.js'
import { createDeletedAccounts } from './deleted-accounts.js'
import { createSessionCache, MAX_SESSIONS } from './session-cache.js'

export { isUsable, type UsableCredential }

export interface SessionResolverOptions {
  kratos: Pick<KratosClient, 'whoami' | 'whoamiId'>
  /** Milliseconds; 0: nothing is kept. */
  maxAgeMs: number
  maxSessions?: number
  /** Milliseconds for a look-up, and for who waits for it. */
  deadlineMs?: number
  /** Tells other replicas what was forgotten here. */
  onInvalidate?: ((purge: Purge) => void) | undefined
  /** Whether other processes, or connections of this one, want to know whose session has ended. */
  isOwnerWanted?: (() => boolean) | undefined
  /** Whether they are heard; else nothing is used that is older than five seconds. */
  isHeard?: (() => boolean) | undefined
  /** Called for each session that could not be kept because Kratos did not say for how long. */
  onUncacheable?: () => void
}

export interface ResolveOptions {
  scope?: RequestScope | undefined
  /** Asks Kratos itself, whatever is kept or under way. */
  fresh?: boolean | undefined
}

export interface Invalidation {
  credential?: Credential | undefined
  identityId?: string | undefined
  /** None of the identity's sessions counts any more. */
  isDeleted?: boolean | undefined
}

/** Totals since the start. */
export interface SessionCounters {
  hits: number
  shared: number
  misses: number
  purges: number
}

export interface SessionResolver {
  /** The session may be shared with other requests: it is for reading only. */
  resolve: (credential: UsableCredential, options?: ResolveOptions) => Promise<SessionOutcome>
  /** Costs less, where the identity's id is all that is needed. */
  resolveId: (credential: UsableCredential, options?: ResolveOptions) => Promise<IdentityOutcome>
  /** What is kept of a session, without asking anybody. */
  kept: (credential: UsableCredential) => KratosSession | undefined
  /**
   * Whose answers have to be forgotten once a sealed cookie's session is over: one session can have several cookies.
   * Undefined where nothing is kept and nobody waits for it, where Kratos knows no owner, and for a token, the only one
   * of its session.
   */
  ownerOf: (credential: Credential, scope?: RequestScope) => Promise<string | undefined>
  /** To be called after any change of a session or an identity, before the client hears of it. */
  invalidate: (changed: Invalidation) => void
  /** What another replica has changed; nobody is told. */
  forget: (purge: Purge) => void
  /** Whether this process was told within the last ten minutes that the identity was deleted. */
  isDeleted: (identityId: string) => boolean
  counters: () => SessionCounters & { cached: number }
}

/** A digest, so that no token lies in memory as a key (I01); keys of different kinds never meet. */
export const keyOf = ({ kind, value }: UsableCredential): string => hash('sha256', `${kind} ${value}`, 'base64url')

/** A look-up under way holds the value itself, so a digest would hide nothing. No sealed cookie begins like a token. */
const pendingKeyOf = ({ value }: UsableCredential): string => value

/** A renewed cookie is for the one client that asked (B28). */
function withoutCookies<T extends SessionOutcome | IdentityOutcome> (outcome: T): T {
  if (outcome.kind === 'denied') return { ...outcome, answer: { ...outcome.answer, setCookie: [] } }
  return outcome.setCookie.length === 0 ? outcome : { ...outcome, setCookie: [] }
}

const DEFAULT_DEADLINE_MS = 2000

const idOf = (outcome: SessionOutcome): IdentityOutcome =>
  outcome.kind === 'valid'
    ? { kind: 'valid', identityId: outcome.session.identity.id, setCookie: outcome.setCookie }
    : outcome

// By default every request is validated at Kratos, and simultaneous ones with the same credential share a call. With a
// cache, an answer is reused for as long as Kratos allows, at most `maxAgeMs` from the moment Kratos was asked (I10).
// Only valid sessions are kept, never a refusal or a fault (I05).
export function createSessionResolver (
  options: SessionResolverOptions,
): SessionResolver {
  const { kratos, maxAgeMs, maxSessions = MAX_SESSIONS, deadlineMs = DEFAULT_DEADLINE_MS, onUncacheable } = options
  const cache = maxAgeMs > 0
    ? createSessionCache({ maxAgeMs, maxSessions, isHeard: options.isHeard })
    : undefined
  const sessions = createSingleFlight<SessionOutcome>(deadlineMs)
  const ids = createSingleFlight<IdentityOutcome>(deadlineMs)
  const deleted = createDeletedAccounts()
  const counters: SessionCounters = { hits: 0, shared: 0, misses: 0, purges: 0 }

  function keep (key: string, outcome: SessionOutcome, askedAt: number): void {
    if (cache === undefined || outcome.kind !== 'valid') return
    if (outcome.cacheFor === undefined) onUncacheable?.()
    const expiresInMs = Date.parse(outcome.session.expires_at) - sessionTime(outcome.session)
    const lifetimeMs = cacheLifetimeMs(outcome.cacheFor, maxAgeMs, expiresInMs)
    if (lifetimeMs > 0) cache.set(key, outcome.session, { since: askedAt, lifetimeMs })
  }

  async function ask (credential: UsableCredential, key: string, lookUp: LookUp): Promise<SessionOutcome> {
    const askedAt = performance.now()
    const outcome = await kratos.whoami(credential, lookUp.scope)
    if (lookUp.isCurrent) keep(key, outcome, askedAt)
    return outcome
  }

  function shareOf<T extends SessionOutcome | IdentityOutcome> (
    { isFirst, outcome }: Shared<T>,
  ): Promise<T | UpstreamFailure> {
    if (isFirst) {
      counters.misses++
      return outcome
    }
    counters.shared++
    return outcome.then((shared) => withoutCookies<T | UpstreamFailure>(shared))
  }

  // Not async: that would add a promise to every guarded request.
  function resolve (
    credential: UsableCredential,
    { scope, fresh = false }: ResolveOptions = {},
  ): Promise<SessionOutcome> {
    if (fresh) {
      counters.misses++
      return kratos.whoami(credential, scope)
    }
    if (cache === undefined) {
      return shareOf(
        sessions.join(pendingKeyOf(credential), scope, (lookUp) => kratos.whoami(credential, lookUp.scope)),
      )
    }
    const key = keyOf(credential)
    const session = cache.get(key, performance.now())
    if (session === undefined) {
      return shareOf(sessions.join(pendingKeyOf(credential), scope, (lookUp) => ask(credential, key, lookUp)))
    }
    counters.hits++
    return Promise.resolve({ kind: 'valid', session, setCookie: [] })
  }

  async function resolveId (credential: UsableCredential, options: ResolveOptions = {}): Promise<IdentityOutcome> {
    // Only a whole session can be kept: a HEAD does not say when it ends.
    if (cache !== undefined || options.fresh === true) return idOf(await resolve(credential, options))
    return await shareOf(
      ids.join(pendingKeyOf(credential), options.scope, ({ scope }) => kratos.whoamiId(credential, scope)),
    )
  }

  async function ownerOf (credential: Credential, scope?: RequestScope): Promise<string | undefined> {
    const isWanted = cache !== undefined || options.isOwnerWanted?.() === true
    if (!isWanted || credential.kind !== 'cookie') return undefined
    const known = cache?.ownerOf(keyOf(credential))
    if (known !== undefined) return known
    const outcome = await resolve(credential, { scope })
    return outcome.kind === 'valid' ? outcome.session.identity.id : undefined
  }

  function invalidate ({ credential, identityId, isDeleted = false }: Invalidation): void {
    const key = credential !== undefined && isUsable(credential) ? keyOf(credential) : undefined
    const owner = key === undefined ? undefined : cache?.ownerOf(key)
    const known = new Set([identityId, owner].filter((id) => id !== undefined))
    for (const id of known.size > 0 ? known : [undefined]) {
      const purge = { key, identityId: id, ...(isDeleted && { isDeleted }) }
      forget(purge)
      options.onInvalidate?.(purge)
    }
  }

  function forget ({ key, identityId, isDeleted = false, all = false }: Purge): void {
    if (isDeleted && identityId !== undefined) deleted.add(identityId)
    counters.purges++
    sessions.invalidateAll()
    ids.invalidateAll()
    if (all) cache?.clear()
    else cache?.purge(key, identityId, performance.now())
  }

  return {
    resolve,
    resolveId,
    kept: (credential) => cache?.get(keyOf(credential), performance.now()),
    ownerOf,
    invalidate,
    forget,
    isDeleted: deleted.has,
    counters: () => ({ ...counters, cached: cache?.size() ?? 0 }),
  }
}
