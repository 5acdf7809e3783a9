import fp from 'fastify-plugin'
import type { Config } from '../../src/config.js'
import { addTracing, type Tracing } from '../../src/service/tracing.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Undefined without TRACING. */
    tracing: Tracing | undefined
  }
}

export default fp<{ config: Config }>(async function tracing (app, { config }) {
  app.decorate('tracing', config.TRACING ? await addTracing(app) : undefined)
}, { name: 'tracing', fastify: '5.x' })
