import fp from 'fastify-plugin'
import { createSessionResolver, type SessionResolver } from '../../src/sessions/resolver.js'
import { decorateByName, publicNames, type PublicNames } from '../../src/http/public-names.js'
import type { AuthSettings } from '../../src/settings.js'
import { ownKratos, ownSessions } from '../../src/http/own-names.js'

declare module 'fastify' {
  interface FastifyInstance {
    [ownSessions]: SessionResolver
    /** Whose session a credential is: calls shared, answers kept as far as Kratos allows. */
    sessions: SessionResolver
  }
}

export interface SessionsPluginOptions {
  settings: AuthSettings
  names?: PublicNames | undefined
}

const SECOND = 1000

export default fp<SessionsPluginOptions>(async function sessions (app, { settings, names = publicNames() }) {
  let isWarned = false
  function warnOnce (): void {
    if (isWarned) return
    isWarned = true
    app.log.warn(
      { event: 'session_cache_unused' },
      'Kratos does not allow sessions to be cached, so none is: its feature_flags.cacheable_sessions is off',
    )
  }

  app.decorate(
    ownSessions,
    createSessionResolver({
      kratos: app[ownKratos],
      maxAgeMs: settings.sessionCacheMaxAge * SECOND,
      deadlineMs: settings.deadlines.whoamiMs,
      onUncacheable: warnOnce,
    }),
  )

  decorateByName(app, names.sessions, app[ownSessions])

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
}, { name: 'sessions', fastify: '5.x', dependencies: ['kratos'] })
