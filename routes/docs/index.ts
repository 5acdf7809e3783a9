import swaggerUi from '@fastify/swagger-ui'
import type { FastifyPluginAsync } from 'fastify'
import type { Config } from '../../src/config.js'

/** All files come from here, and nothing is inline but the viewer's own styles. */
const CONTENT_SECURITY_POLICY = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; " +
  "img-src 'self' data:; font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"

const docsRoute: FastifyPluginAsync<{ config: Config }> = async function docsRoute (app, { config }) {
  if (!config.DOCS) return
  // The viewer's files are named relative to the folder.
  app.get('', { schema: { hide: true } }, async (_request, reply) => reply.redirect('/docs/'))
  await app.register(swaggerUi, { routePrefix: '/', staticCSP: CONTENT_SECURITY_POLICY })
}

export default docsRoute
