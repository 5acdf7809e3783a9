import type { FastifyPluginAsync } from 'fastify'
import { serviceError } from '../../src/errors.js'

/**
 * Not for browsers: here a preflight finds nothing, not even for an allowed front end (docs/security-model.md, section
 * 3).
 */
const internalRoutes: FastifyPluginAsync = async function internalRoutes (app) {
  app.options('/*', { config: { cors: false } }, async () => {
    throw serviceError('NOT_FOUND')
  })
}

export default internalRoutes
