import type { FastifyPluginAsync } from 'fastify'

/** Kratos' hook after a registration. */
const userCreatedRoute: FastifyPluginAsync = async function userCreatedRoute (app) {
  app.receiveIdentities(app, '/')
}

export default userCreatedRoute
