import fp from 'fastify-plugin'
import { createSessionResolver, type SessionResolver } from '../../src/sessions/resolver.js'
import type { AuthSettings } from '../../src/settings.js'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Whose session a credential is: calls shared, answers kept as far as Kratos allows, and forgotten when something
     * changes.
     */
    sessions: SessionResolver
  }
}

export interface SessionsPluginOptions {
  settings: AuthSettings
}

const SECOND = 1000

export default fp<SessionsPluginOptions>(async function sessions (app, { settings }) {
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
    'sessions',
    createSessionResolver({
      kratos: app.kratos,
      maxAgeMs: settings.sessionCacheMaxAge * SECOND,
      deadlineMs: settings.deadlines.whoamiMs,
      onUncacheable: warnOnce,
    }),
  )

  /** A Kratos with the flag says so even to nobody (recording 36). */
  async function askForPermission (): Promise<void> {
    const outcome = await app.kratos.whoami({ kind: 'none' })
    if (outcome.kind === 'none' && outcome.cacheFor === undefined) warnOnce()
  }

  // The start does not wait for the answer: Kratos may come later.
  app.addHook('onReady', (done) => {
    if (settings.sessionCacheMaxAge > 0) askForPermission().catch(() => {})
    done()
  })
}, { name: 'sessions', fastify: '5.x', dependencies: ['kratos'] })
