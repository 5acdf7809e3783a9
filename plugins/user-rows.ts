import { LRUCache } from 'lru-cache'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { serviceError } from '../src/errors.js'
import { userOf } from '../src/profile.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Hook behind `authenticate`: makes the caller's row when Kratos' webhook never came (F12). */
    ensureUserRow: (request: FastifyRequest) => Promise<void>
  }
}

/** Identities whose row is known to exist; bounded, and only a memory of what the database knows (N06). */
const MAX_SEEN = 10_000

export default fp(async function userRows (app) {
  const seen = new LRUCache<string, true>({ max: MAX_SEEN })

  app.decorate('ensureUserRow', async ({ kratosSession, log }: FastifyRequest) => {
    if (kratosSession === null) throw serviceError('INVALID_SESSION')
    const { identity } = kratosSession
    if (seen.has(identity.id)) return
    const { created } = await app.store.users.ensure(userOf(identity))
    if (created) log.info({ event: 'user_row_created' }, 'The webhook never came; the row was made at first use')
    seen.set(identity.id, true)
  })
}, { name: 'user-rows', fastify: '5.x', dependencies: ['store', 'authenticate'] })
