import fp from 'fastify-plugin'
import { busUrl, type Config } from '../../src/config.js'
import { postgresBus } from '../../src/bus/postgres-bus.js'
import { ownReplicas } from '../../src/http/own-names.js'
import { describeStoreError } from '../../src/service/store/errors.js'
import { toPostgresStoreError } from '../../src/service/store/postgres-errors.js'
import type { Bus } from '../../src/sessions/bus.js'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Undefined without a Postgres that other replicas can use, too. `isAwaited`: nothing may be kept before they know
     * of this one.
     */
    bus: (Bus & { isAwaited: () => boolean }) | undefined
  }
}

export default fp<{ config: Config }>(async function bus (app, { config }) {
  const url = busUrl(config)
  if (url === undefined) {
    app.decorate('bus', undefined)
    return
  }
  let [isLost, wasConnected] = [false, false]
  const keepsSessions = config.SESSION_CACHE_MAX_AGE > 0
  const opened = await postgresBus({
    url,
    onError: (error) => {
      if (isLost) return
      isLost = true
      const cause = describeStoreError(toPostgresStoreError(error))
      app.log.warn(
        { event: 'bus_lost', cause },
        keepsSessions
          ? 'Other replicas are not heard: no session is kept for more than 5 s'
          : 'Other replicas are not heard: what depends on a session that ends there is told once they are',
      )
    },
    onConnected: () => {
      isLost = false
      wasConnected = true
      app.log.info({ event: 'bus_connected' }, 'Other replicas are heard')
    },
    onUnheard: () => {
      app.log[keepsSessions ? 'error' : 'warn'](
        { event: 'bus_unheard' },
        'The bus does not hear itself: BUS_DATABASE_URL must not lead through a pooler of transactions',
      )
    },
  })
  app.metrics.trackBus(() => ({ isConnected: opened.alive(), silenceMs: app[ownReplicas]?.silenceMs() }))
  app.decorate('bus', { ...opened, isAwaited: () => keepsSessions && !wasConnected })
  // After the goodbye, which the sessions say before.
  app.addHook('onClose', () => opened.close())
}, { name: 'bus', fastify: '5.x', dependencies: ['metrics'] })
