import cors from '@fastify/cors'
import fp from 'fastify-plugin'
import type { AuthSettings } from '../../src/settings.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** false: this route has no CORS headers, for nobody. */
    cors?: false
  }
}

export interface CorsPluginOptions {
  settings: AuthSettings
}

/** With credentials (C01, C02). A browser sends simple requests without asking: the origin guard refuses those. */
export default fp<CorsPluginOptions>(async function corsForFrontends (app, { settings }) {
  const allowed = new Set(settings.origins)
  await app.register(cors, {
    origin: (origin, done) => done(null, origin !== undefined && allowed.has(origin) ? origin : false),
    credentials: true,
    methods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
    // Not X-Session-Token: that a foreign page cannot send it is what exempts it from the origin check (B13).
    allowedHeaders: ['Content-Type'],
    exposedHeaders: ['Retry-After', 'WWW-Authenticate', 'X-Request-Id'],
    strictPreflight: false,
    maxAge: 600,
  })
}, { name: 'cors', fastify: '5.x' })
