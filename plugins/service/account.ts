import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    /** Removes what this app keeps of an identity that Kratos has deleted. */
    onAccountDeleted: (identityId: string) => Promise<void>
  }
}

/** The service's rows go with the account; an app with the public plugin says what goes with it by an option. */
export default fp(async function account (app) {
  app.decorate('onAccountDeleted', async (identityId: string) => {
    await app.store.users.delete(identityId)
  })
}, { name: 'account', fastify: '5.x', dependencies: ['store'] })
