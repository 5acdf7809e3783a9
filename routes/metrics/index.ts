import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { Type } from '@sinclair/typebox'
import { type Config, isCounting } from '../../src/config.js'
import { serviceError } from '../../src/errors.js'
import { logSecurityEvent } from '../../src/http/security-event.js'
import { about } from '../../src/schemas/about.js'
import { responses } from '../../src/schemas/envelope.js'
import { createKeyCheck } from '../../src/webhook/key.js'

const TextSchema = Type.String()
const RESPONSES = {
  ...responses(TextSchema, 401),
  200: { description: "Prometheus' text format", content: { 'text/plain': { schema: TextSchema } } },
}

const BEARER = /^Bearer ([\x21-\x7e]+)$/i

const metricsRoute: FastifyPluginAsync<{ config: Config }> = async function metricsRoute (app, { config }) {
  const { contentType, text } = app.metrics
  if (!isCounting(config) || contentType === undefined || text === undefined) return
  const { METRICS_TOKEN: token } = config
  const isToken = createKeyCheck(token === undefined ? [] : [token])

  async function checkCaller (request: FastifyRequest): Promise<void> {
    // Without a token it is on the internal listener only.
    if (token === undefined || isToken(BEARER.exec(request.headers.authorization ?? '')?.[1])) return
    logSecurityEvent(request, 'metrics_refused', {}, 'Metrics asked for without a valid token')
    throw serviceError('INVALID_METRICS_TOKEN')
  }

  const schema = {
    ...about.metrics('getMetrics', "What the service counts, in Prometheus' text format"),
    response: RESPONSES,
  }
  app.get('/', { schema, config: { cors: false, auth: false }, onRequest: checkCaller }, async (_request, reply) => {
    const counted = await text()
    return reply.type(contentType).send(counted)
  })
}

export default metricsRoute
