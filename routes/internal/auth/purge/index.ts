import type { FastifyPluginAsync } from 'fastify'
import { receivePurges } from '../../../../src/http/own-names.js'

/** For whoever revoked an identity's sessions elsewhere and cannot wait for a cache to run out. */
const purgeRoute: FastifyPluginAsync = async function purgeRoute (app) {
  app[receivePurges](app, '/')
}

export default purgeRoute
