import type { FastifyPluginAsync } from 'fastify'
import { serviceError } from '../../src/errors.js'

/** Not for browsers: a preflight finds nothing here, for no front end (docs/security-model.md, section 3). */
const internalRoutes: FastifyPluginAsync = async function internalRoutes (app) {
  app.options('/*', { config: { cors: false } }, async () => {
    throw serviceError('NOT_FOUND')
  })
}

export default internalRoutes
