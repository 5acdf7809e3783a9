import type { FastifyPluginAsync } from 'fastify'
import { receiveIdentities } from '../../../../src/http/own-names.js'

/** Same body and same receiver as user-created. */
const userUpdatedRoute: FastifyPluginAsync = async function userUpdatedRoute (app) {
  app[receiveIdentities](app, '/')
}

export default userUpdatedRoute
