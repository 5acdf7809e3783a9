import type { FastifyPluginAsync } from 'fastify'

/** Kratos' hook after a registration (specification, section 9). */
const userCreatedRoute: FastifyPluginAsync = async function userCreatedRoute (app) {
  app.receiveIdentities(app, '/')
}

export default userCreatedRoute
