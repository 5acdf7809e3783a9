import type { FastifyPluginAsync } from 'fastify'
import { receiveIdentities } from '../../../../src/http/own-names.js'

/** Kratos' hook after a change of settings; same body and same receiver as user-created. */
const userUpdatedRoute: FastifyPluginAsync = async function userUpdatedRoute (app) {
  app[receiveIdentities](app, '/')
}

export default userUpdatedRoute
