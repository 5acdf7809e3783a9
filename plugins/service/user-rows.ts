import { LRUCache } from 'lru-cache'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { serviceError } from '../../src/errors.js'
import { userOf } from '../../src/profile.js'
import { MissingOwnerError } from '../../src/service/store/errors.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Hook behind `authenticate`: makes the caller's row when Kratos' webhook never came (F12). */
    ensureUserRow: (request: FastifyRequest) => Promise<void>
    /** Runs what needs the caller's row; where it was deleted meanwhile, makes it anew and runs it once more. */
    withUserRow: <T>(request: FastifyRequest, work: () => Promise<T>) => Promise<T>
  }
}

/** Identities whose row is known to exist; bounded, and only a memory of what the database knows (N06). */
const MAX_SEEN = 10_000

export default fp(async function userRows (app) {
  const seen = new LRUCache<string, true>({ max: MAX_SEEN })

  async function ensureUserRow ({ kratosSession, log }: FastifyRequest): Promise<void> {
    if (kratosSession === null) throw serviceError('INVALID_SESSION')
    const { identity } = kratosSession
    if (seen.has(identity.id)) return
    const { created } = await app.store.users.ensure(userOf(identity))
    if (created) {
      log.info({ event: 'user_row_created' }, 'The webhook never came; the row was made at first use')
      app.metrics.recordUserRow()
    }
    seen.set(identity.id, true)
  }

  async function withUserRow<T> (request: FastifyRequest, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof MissingOwnerError) || request.kratosSession === null) throw error
      seen.delete(request.kratosSession.identity.id)
      await ensureUserRow(request)
      return await work()
    }
  }

  app.decorate('ensureUserRow', ensureUserRow)
  app.decorate('withUserRow', withUserRow)
}, { name: 'user-rows', fastify: '5.x', dependencies: ['store', 'metrics'] })
