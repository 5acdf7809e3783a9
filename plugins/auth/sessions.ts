import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { BEAT_MS, type Bus, createReplicas, type Replicas } from '../../src/sessions/bus.js'
import { createSessionResolver, type SessionResolver } from '../../src/sessions/resolver.js'
import { createSessionWatch, type SessionWatch } from '../../src/sessions/session-watch.js'
import { decorateByName, publicNames, type PublicNames } from '../../src/http/public-names.js'
import type { AuthSettings } from '../../src/settings.js'
import { ownKratos, ownReplicas, ownSessions, sessionWatch } from '../../src/http/own-names.js'

declare module 'fastify' {
  interface FastifyInstance {
    [ownSessions]: SessionResolver
    /** Undefined without a bus. */
    [ownReplicas]: Replicas | undefined
    /** Whose session a credential is: calls shared, answers kept as far as Kratos allows. */
    sessions: SessionResolver
    /** Sessions that connections depend on longer than an answer takes. */
    [sessionWatch]: SessionWatch
  }
}

export interface SessionsPluginOptions {
  settings: AuthSettings
  names?: PublicNames | undefined
  /** Carries purges to other replicas. */
  bus?: Bus | undefined
}

const SECOND = 1000
/** For the last words to other replicas: a bus may never say whether it has taken them. */
const GOODBYE_MS = 2 * SECOND

function beatWhileOpen (app: FastifyInstance, replicas: Replicas): void {
  const beat = (): void => {
    replicas.beat().catch(() => {})
  }
  beat()
  const timer = setInterval(beat, BEAT_MS).unref()
  app.addHook('preClose', async () => {
    clearInterval(timer)
    const late = new AbortController()
    const said = replicas.sayGoodbye().finally(() => late.abort())
    await Promise.race([said, sleep(GOODBYE_MS, undefined, { signal: late.signal }).catch(() => {})])
  })
}

export default fp<SessionsPluginOptions>(async function sessions (
  app,
  { settings, names = publicNames(), bus },
) {
  let isWarned = false
  function warnOnce (): void {
    if (isWarned) return
    isWarned = true
    app.log.warn(
      { event: 'session_cache_unused' },
      'Kratos does not allow sessions to be cached, so none is: its feature_flags.cacheable_sessions is off',
    )
  }

  const watch = createSessionWatch({
    ask: (credential) => app[ownKratos].whoami(credential),
    isDeleted: (identityId) => app[ownSessions].isDeleted(identityId),
  })
  app.decorate(sessionWatch, watch)
  app.addHook('onClose', async () => watch.close())

  const replicas = bus && createReplicas({
    bus,
    name: randomUUID(),
    onPurge: (purge) => {
      app[ownSessions].forget(purge)
      watch.recheck(purge)
    },
  })
  app.decorate(ownReplicas, replicas)
  app.decorate(
    ownSessions,
    createSessionResolver({
      kratos: app[ownKratos],
      maxAgeMs: settings.sessionCacheMaxAge * SECOND,
      deadlineMs: settings.deadlines.whoamiMs,
      onUncacheable: warnOnce,
      onInvalidate: (purge) => {
        replicas?.tell(purge)
        watch.recheck(purge)
      },
      isOwnerWanted: () => replicas !== undefined || watch.isNeeded(),
      isHeard: replicas?.isAlive,
    }),
  )

  decorateByName(app, names.sessions, app[ownSessions])

  if (replicas !== undefined) beatWhileOpen(app, replicas)

  /** With `feature_flags.cacheable_sessions` Kratos says so even to nobody (recording 36). */
  async function askForPermission (): Promise<void> {
    const outcome = await app[ownKratos].whoami({ kind: 'none' })
    if (outcome.kind === 'none' && outcome.cacheFor === undefined) warnOnce()
  }

  // The start does not wait for the answer: Kratos may come later.
  app.addHook('onReady', (done) => {
    if (settings.sessionCacheMaxAge > 0) askForPermission().catch(() => {})
    done()
  })
}, { name: 'fastify-kratos/sessions', fastify: '5.x', dependencies: ['fastify-kratos/kratos'] })
