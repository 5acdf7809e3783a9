import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { type Config, requiredParts } from '../../src/config.js'
import { PARTS } from '../../src/config-schema.js'
import { serviceError } from '../../src/errors.js'
import { about } from '../../src/schemas/about.js'
import { ok, responses, success } from '../../src/schemas/envelope.js'
import { createReadiness } from '../../src/service/readiness.js'

const Ok = Type.Object({ status: Type.Literal('ok') })
const ReadySchema = Type.Object({
  status: Type.Literal('ok'),
  degraded: Type.Optional(
    Type.Array(Type.Unsafe<typeof PARTS[number]>({ type: 'string', enum: [...PARTS] }), {
      description: 'what cannot be used at the moment; the rest of the service works',
    }),
  ),
})

const healthRoutes: FastifyPluginAsyncTypebox<{ config: Config }> = async function healthRoutes (app, { config }) {
  const required = new Set(requiredParts(config))
  app.get(
    '/alive',
    { schema: { ...about.operation('isAlive', 'Whether the process answers'), response: responses(success(Ok)) } },
    async () => ok({ status: 'ok' }),
  )

  const degradedParts = createReadiness({
    checks: { kratos: app.kratos.isReady, database: () => app.store.ping().then(() => true) },
    onChange: (degraded) => {
      app.metrics.recordDegraded(degraded)
      if (degraded.length > 0) app.log.warn({ event: 'degraded', degraded }, 'The service goes on without a part')
      else app.log.info({ event: 'recovered' }, 'All parts can be used again')
    },
  })

  /** A part that is away must not take all replicas out of the balancer: what needs it says so itself (K01). */
  app.get('/ready', {
    schema: { ...about.operation('isReady', 'Whether the service can take traffic'), response: responses(success(ReadySchema)) },
  }, async () => {
    if (app.lifecycle.isDraining) throw serviceError('NOT_READY')
    // Also before the first migration: log and metrics tell of a database that was never there.
    const degraded = await degradedParts()
    // A database that was never seen migrated may belong to another version.
    if (app.lifecycle.isDraining || !app.store.isMigrated()) throw serviceError('NOT_READY')
    // Nobody knows of this replica yet, so nobody waits for what it has to say (docs/decisions/0027).
    if (app.bus?.isAwaited() === true) throw serviceError('NOT_READY')
    if (degraded.some((part) => required.has(part))) throw serviceError('NOT_READY', { members: { degraded } })
    return ok({ status: 'ok', ...(degraded.length > 0 && { degraded }) })
  })
}

export default healthRoutes
