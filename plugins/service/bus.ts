import fp from 'fastify-plugin'
import { busUrl, type Config } from '../../src/config.js'
import { postgresBus } from '../../src/bus/postgres-bus.js'
import { ownReplicas } from '../../src/http/own-names.js'
import { describeStoreError } from '../../src/service/store/errors.js'
import { toPostgresStoreError } from '../../src/service/store/postgres-errors.js'
import type { Bus } from '../../src/sessions/bus.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Undefined where there is nothing to tell, or nobody to tell it. */
    bus: (Bus & { wasConnected: () => boolean }) | undefined
  }
}

export default fp<{ config: Config }>(async function bus (app, { config }) {
  const url = config.SESSION_CACHE_MAX_AGE > 0 ? busUrl(config) : undefined
  if (url === undefined) {
    app.decorate('bus', undefined)
    return
  }
  let [isLost, wasConnected] = [false, false]
  const opened = await postgresBus({
    url,
    onError: (error) => {
      if (isLost) return
      isLost = true
      const cause = describeStoreError(toPostgresStoreError(error))
      app.log.warn({ event: 'bus_lost', cause }, 'Other replicas are not heard: no session is kept for more than 5 s')
    },
    onConnected: () => {
      isLost = false
      wasConnected = true
      app.log.info({ event: 'bus_connected' }, 'Other replicas are heard')
    },
    onUnheard: () => {
      app.log.error(
        { event: 'bus_unheard' },
        'The bus does not hear itself: BUS_DATABASE_URL must not lead through a pooler of transactions',
      )
    },
  })
  app.metrics.trackBus(() => ({ isConnected: opened.alive(), silenceMs: app[ownReplicas]?.silenceMs() }))
  app.decorate('bus', { ...opened, wasConnected: () => wasConnected })
  // After the goodbye, which the sessions say before.
  app.addHook('onClose', () => opened.close())
}, { name: 'bus', fastify: '5.x', dependencies: ['metrics'] })
