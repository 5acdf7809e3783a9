import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { Type } from '@sinclair/typebox'
import { type Config, isCounting } from '../../src/config.js'
import { serviceError } from '../../src/errors.js'
import { createBearerCheck } from '../../src/http/bearer.js'
import { logSecurityEvent } from '../../src/http/security-event.js'
import { about } from '../../src/schemas/about.js'
import { responses } from '../../src/schemas/envelope.js'

const TextSchema = Type.String()
const RESPONSES = {
  ...responses(TextSchema, 401),
  200: { description: "Prometheus' text format", content: { 'text/plain': { schema: TextSchema } } },
}

const metricsRoute: FastifyPluginAsync<{ config: Config }> = async function metricsRoute (app, { config }) {
  const { contentType, text } = app.metrics
  if (!isCounting(config) || contentType === undefined || text === undefined) return
  const { METRICS_TOKEN: token } = config
  const hasToken = createBearerCheck(token === undefined ? [] : [token])

  async function checkCaller (request: FastifyRequest): Promise<void> {
    // Without a token it is on the internal listener only.
    if (token === undefined || hasToken(request.headers)) return
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
