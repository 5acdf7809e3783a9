import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isServiceError, serviceError } from '../../../../src/errors.js'
import { prepareLoginFor } from '../../../../src/flows/next-flow.js'
import { ownerDetails, recordAuthEvent } from '../../../../src/http/auth-events.js'
import { logSecurityEvent } from '../../../../src/http/security-event.js'
import { about } from '../../../../src/schemas/about.js'
import { ok, responses, success, UPSTREAM_STATUSES } from '../../../../src/schemas/envelope.js'
import { sessionOf } from '../../../../src/http/request-auth.js'
import type { AuthSettings } from '../../../../src/settings.js'
import { upstreamError } from '../../../../src/upstream-error.js'
import {
  accountData,
  expireSessionCookie,
  forwardCookies,
  kratosCaller,
  kratosScope,
  ownKratos,
  ownSessions,
} from '../../../../src/http/own-names.js'

/** Longest age of the login that an account is deleted with. */
const RECENT_LOGIN = '5m'

const RESPONSES = responses(success(Type.Object({ id: Type.String() })), ...UPSTREAM_STATUSES)

const accountRoutes: FastifyPluginAsyncTypebox<{ settings: AuthSettings }> = async function accountRoutes (
  app,
  { settings },
) {
  if (settings.adminUrl === undefined) return

  // Kratos may have deleted the identity although its answer was lost or late: the deletion stays written down, and
  // whoever finishes it asks Kratos again.
  const isUncertain = (code: string): boolean => code === 'UPSTREAM_TIMEOUT' || code === 'UPSTREAM_ERROR'

  async function takeBack (request: FastifyRequest, id: string, withdraw: () => Promise<void>): Promise<void> {
    try {
      await withdraw()
    } catch (error) {
      request.log.warn(
        { event: 'account_deletion_not_withdrawn', identityId: id, cause: nameOf(error) },
        'A deletion that did not happen is still written down',
      )
    }
  }

  async function removeData (request: FastifyRequest, reply: FastifyReply, id: string): Promise<void> {
    try {
      await app[accountData].remove(id, { requestId: request.id })
    } catch (error) {
      request.log.error(
        { event: 'account_rows_left', identityId: id, cause: nameOf(error) },
        'The identity is deleted, what is kept of it is not yet',
      )
      reply[expireSessionCookie]()
      throw serviceError('DATABASE_UNAVAILABLE', { cause: error, members: { deletion: 'pending' } })
    }
  }

  /** A step like those of the flows: whoever has to log in again finds the flow ready. */
  async function withReadyFlow (error: Error, request: FastifyRequest, reply: FastifyReply): Promise<never> {
    const next = isServiceError(error) && error.statusCode === 403 ? error.members?.['next'] : undefined
    const { flowId, setCookie } = await prepareLoginFor(app[ownKratos], next, request[kratosCaller]())
    reply[forwardCookies](setCookie)
    if (isServiceError(error) && flowId !== undefined) error.members = { ...error.members, flow_id: flowId }
    throw error
  }
  app.setErrorHandler(withReadyFlow)

  const schema = { ...about.session('deleteAccount', 'Deletes the account; wants a recent login'), response: RESPONSES }
  app.delete('/', { schema, config: { auth: { within: RECENT_LOGIN, fresh: true } } }, async (request, reply) => {
    const { id: sessionId, identity: { id } } = sessionOf(request)
    const withdraw = await app[accountData].beginDeletion(id)
    const answer = await app[ownKratos].deleteIdentity(id, request[kratosScope]())
    app[ownSessions].invalidate({ identityId: id, isDeleted: answer.kind === 'ok' })
    if (answer.kind !== 'ok') {
      if (!isUncertain(answer.code)) await takeBack(request, id, withdraw)
      throw upstreamError(answer)
    }
    const owner = { identityId: id, sessionId }
    recordAuthEvent(request, { type: 'session.ended', reason: 'deleted', ...owner, hasAddress: false })
    logSecurityEvent(request, 'account_deleted', { ...ownerDetails(request, owner) }, 'An account was deleted')
    await removeData(request, reply, id)
    reply[expireSessionCookie]()
    return ok({ id })
  })
}

const nameOf = (error: unknown): string => error instanceof Error ? error.name : typeof error

export default accountRoutes
