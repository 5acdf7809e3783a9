import fp from 'fastify-plugin'
import { busUrl, type Config } from '../../src/config.js'
import { openPostgresBus } from '../../src/service/bus/postgres-bus.js'
import { describeStoreError } from '../../src/service/store/errors.js'
import { toPostgresStoreError } from '../../src/service/store/postgres-errors.js'
import type { Bus } from '../../src/sessions/bus.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Undefined where there is nothing to tell, or nobody to tell it. */
    bus: Bus | undefined
  }
}

export default fp<{ config: Config }>(async function bus (app, { config }) {
  const url = config.SESSION_CACHE_MAX_AGE > 0 ? busUrl(config) : undefined
  if (url === undefined) {
    app.decorate('bus', undefined)
    return
  }
  let isLost = false
  const opened = await openPostgresBus({
    url,
    onError: (error) => {
      if (isLost) return
      isLost = true
      const cause = describeStoreError(toPostgresStoreError(error))
      app.log.warn({ event: 'bus_lost', cause }, 'Other replicas are not heard: no session is kept for more than 5 s')
    },
    onConnected: () => {
      isLost = false
      app.log.info({ event: 'bus_connected' }, 'Other replicas are heard')
    },
  })
  app.decorate('bus', opened)
  // After the goodbye, which the sessions say before.
  app.addHook('onClose', () => opened.close())
}, { name: 'bus', fastify: '5.x' })
