import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Config, hasEvents } from '../../../src/config.js'
import { createOperatorCheck } from '../../../src/http/operator.js'
import { pageOf } from '../../../src/service/store/page.js'
import { about } from '../../../src/schemas/about.js'
import { ok, responses, success } from '../../../src/schemas/envelope.js'
import { EventListSchema, EventQuerySchema } from '../../../src/schemas/event.js'

const LIST = responses(success(EventListSchema), 401)

/** The audit log, for whoever holds OPERATOR_KEY. */
const eventRoutes: FastifyPluginAsyncTypebox<{ config: Config }> = async function eventRoutes (app, { config }) {
  const { OPERATOR_KEY: key } = config
  if (key === undefined || !hasEvents(config)) return
  const { events } = app.store
  app.addHook('onRequest', createOperatorCheck(key))

  app.get('/', {
    schema: {
      ...about.operator('listEvents', 'What happened to users and sessions'),
      querystring: EventQuerySchema,
      response: LIST,
    },
    config: { cors: false, auth: false },
  }, async (request) => {
    const { identity, cursor, limit } = request.query
    const before = cursor === undefined ? undefined : Number(cursor)
    const page = await events.list({ identityId: identity, before, limit: limit + 1 })
    const { shown, last } = pageOf(page, limit)
    return ok({ events: shown, next_cursor: last === undefined ? null : String(last.position) })
  })
}

export default eventRoutes
