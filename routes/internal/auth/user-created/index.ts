import type { FastifyPluginAsync } from 'fastify'
import { receiveIdentities } from '../../../../src/http/own-names.js'

const userCreatedRoute: FastifyPluginAsync = async function userCreatedRoute (app) {
  app[receiveIdentities](app, '/')
}

export default userCreatedRoute
