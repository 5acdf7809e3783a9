import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { logSecurityEvent } from '../../../../src/http/security-event.js'
import { responses, success, UPSTREAM_STATUSES } from '../../../../src/schemas/envelope.js'
import { SESSION } from '../../../../src/schemas/security.js'
import { sessionOf } from '../../../../src/http/request-auth.js'
import type { AuthSettings } from '../../../../src/settings.js'
import { upstreamError } from '../../../../src/upstream-error.js'
import {
  expireSessionCookie,
  kratosScope,
  onAccountDeleted,
  ownKratos,
  ownSessions,
} from '../../../../src/http/own-names.js'

/** How old the login may be that an account is deleted with. */
const RECENT_LOGIN = '5m'

const RESPONSES = responses(success(Type.Object({ id: Type.String() })), ...UPSTREAM_STATUSES)

const accountRoutes: FastifyPluginAsyncTypebox<{ settings: AuthSettings }> = async function accountRoutes (
  app,
  { settings },
) {
  if (settings.adminUrl === undefined) return

  const about = {
    operationId: 'deleteAccount',
    summary: 'Deletes the account; wants a recent login',
    tags: ['session'],
    security: SESSION,
  }
  const schema = { ...about, response: RESPONSES }
  app.delete('/', { schema, config: { auth: { within: RECENT_LOGIN, fresh: true } } }, async (request, reply) => {
    const { id } = sessionOf(request).identity
    const answer = await app[ownKratos].deleteIdentity(id, request[kratosScope]())
    app[ownSessions].invalidate({ identityId: id })
    if (answer.kind !== 'ok') throw upstreamError(answer)
    logSecurityEvent(request, 'account_deleted', {}, 'An account was deleted')
    // The account is gone whatever happens to our rows: what stays behind is for reconciliation, not the user's
    // failure.
    try {
      await app[onAccountDeleted](id)
    } catch (error) {
      request.log.error({
        event: 'account_rows_left',
        identityId: id,
        cause: error instanceof Error ? error.name : typeof error,
      }, 'Rows of a deleted account are left')
    }
    reply[expireSessionCookie]()
    return { success: true as const, data: { id } }
  })
}

export default accountRoutes
