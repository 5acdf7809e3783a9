import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Config, hasEvents } from '../../../../src/config.js'
import { createOperatorCheck } from '../../../../src/http/operator.js'
import type { DeadLetterPlace } from '../../../../src/service/store/dead-letters.js'
import { pageOf } from '../../../../src/service/store/page.js'
import { about } from '../../../../src/schemas/about.js'
import { ok, responses, success } from '../../../../src/schemas/envelope.js'
import { DeadLetterListSchema, DeadLetterQuerySchema, ReplayedSchema, ReplaySchema } from '../../../../src/schemas/event.js'

const LIST = responses(success(DeadLetterListSchema), 401)
const REPLAYED = responses(success(ReplayedSchema), 401)
const config = { cors: false, auth: false } as const

const cursorOf = ({ position, subscriber }: DeadLetterPlace): string => `${position}:${subscriber}`
const placeOf = (cursor: string): DeadLetterPlace => {
  const colon = cursor.indexOf(':')
  return { position: Number(cursor.slice(0, colon)), subscriber: cursor.slice(colon + 1) }
}

const deadLetterRoutes: FastifyPluginAsyncTypebox<{ config: Config }> = async function deadLetterRoutes (app, options) {
  const { OPERATOR_KEY: key } = options.config
  if (key === undefined || !hasEvents(options.config)) return
  const { deadLetters } = app.store
  app.addHook('onRequest', createOperatorCheck(key))

  const list = {
    ...about.operator('listDeadLetters', 'Events that a subscriber did not take'),
    querystring: DeadLetterQuerySchema,
    response: LIST,
  }
  app.get('/', { schema: list, config }, async (request) => {
    const { subscriber, cursor, limit } = request.query
    const after = cursor === undefined ? undefined : placeOf(cursor)
    const page = await deadLetters.list({ subscriber, after, limit: limit + 1 })
    const { shown, last } = pageOf(page, limit)
    return ok({ dead_letters: shown, next_cursor: last === undefined ? null : cursorOf(last) })
  })

  const replay = {
    ...about.operator('replayDeadLetters', 'Tries them anew: all of a subscriber, or one'),
    body: ReplaySchema,
    response: REPLAYED,
  }
  app.post('/replay', { schema: replay, config }, async (request) => {
    const { subscriber, event_id: eventId } = request.body
    const replayed = await deadLetters.replay(subscriber, eventId?.toLowerCase())
    return ok({ replayed })
  })
}

export default deadLetterRoutes
