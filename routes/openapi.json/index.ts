import type { FastifyPluginAsync } from 'fastify'
import { Type } from '@sinclair/typebox'
import type { Config } from '../../src/config.js'
import { about } from '../../src/schemas/about.js'
import { responses } from '../../src/schemas/envelope.js'

const RESPONSES = responses(Type.Object({ openapi: Type.String() }, { additionalProperties: true }))

const openapiRoute: FastifyPluginAsync<{ config: Config }> = async function openapiRoute (app, { config }) {
  if (!config.DOCS) return

  const schema = { ...about.operation('getOpenapiDocument', 'This document'), response: RESPONSES }
  // Made of all routes, so only once they are all there.
  app.get('/', { schema }, async () => app.swagger())
}

export default openapiRoute
