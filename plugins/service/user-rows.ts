import { LRUCache } from 'lru-cache'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { serviceError } from '../../src/errors.js'
import { atMostEntries } from '../../src/lru.js'
import { userOf } from '../../src/profile.js'
import { originOf } from '../../src/service/events/auth-events.js'
import { AccountDeletedError, MissingOwnerError } from '../../src/service/store/errors.js'
import type { UserRecord } from '../../src/service/store/store.js'
import type { AuthSettings } from '../../src/settings.js'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Behind `authenticate`: makes the caller's row, or one as new as the session's identity, when Kratos' webhook
     * never came (F12). 401 where the account was deleted.
     */
    ensureUserRow: (request: FastifyRequest) => Promise<void>
    /** Runs what needs the caller's row; where it was deleted meanwhile, makes it anew and runs it once more. */
    withUserRow: <T>(request: FastifyRequest, work: () => Promise<T>) => Promise<T>
  }
}

/** An identity that does not say when it changed: any news are newer. */
const OLDEST = '1970-01-01T00:00:00Z'
/** Only a memory of rows that the database knows (N06). */
const MAX_SEEN = 10_000

export interface UserRowsOptions {
  settings: AuthSettings
}

export default fp<UserRowsOptions>(async function userRows (app, { settings }) {
  // A session out of the cache may be older than the end of its account, so then the row is looked for each time.
  const isSessionFresh = settings.sessionCacheMaxAge === 0
  /** `updated_at` of the row, as far as it is known. */
  const seen = new LRUCache<string, string>(atMostEntries(MAX_SEEN))

  /** @throws ServiceError INVALID_SESSION: whose account is gone has no session, whatever a cache still says */
  async function ensure (user: UserRecord, request: FastifyRequest): Promise<{ created: boolean }> {
    try {
      return await app.store.users.ensure(user, originOf(request))
    } catch (error) {
      throw error instanceof AccountDeletedError ? serviceError('INVALID_SESSION', { cause: error }) : error
    }
  }

  async function ensureUserRow (request: FastifyRequest): Promise<void> {
    const { kratosSession, log } = request
    if (kratosSession === null) throw serviceError('INVALID_SESSION')
    const { identity } = kratosSession
    const updatedAt = typeof identity['updated_at'] === 'string' ? identity['updated_at'] : ''
    if (isSessionFresh && seen.get(identity.id) === updatedAt) return
    const user = userOf(identity, settings.traits)
    const { created } = await ensure(updatedAt === '' ? { ...user, updated_at: OLDEST } : user, request)
    if (created) {
      log.info({ event: 'user_row_created' }, 'No delivery of the webhook was stored; the row was made at first use')
      app.metrics.recordUserRow()
    }
    seen.set(identity.id, updatedAt)
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
