import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { serviceError } from '../../../../src/errors.js'
import { tellEnded, tellLogout } from '../../../../src/flows/login-events.js'
import type { Answer } from '../../../../src/kratos-client/answer.js'
import { isRecord, type JsonObject } from '../../../../src/kratos-client/kratos-body.js'
import { about } from '../../../../src/schemas/about.js'
import { ok, responses, success, UPSTREAM_STATUSES } from '../../../../src/schemas/envelope.js'
import { UuidSchema } from '../../../../src/schemas/flow.js'
import { deviceOf, DeviceSchema } from '../../../../src/sessions/device.js'
import { logout } from '../../../../src/sessions/logout.js'
import { sessionOf } from '../../../../src/http/request-auth.js'
import { upstreamError } from '../../../../src/upstream-error.js'
import {
  expireSessionCookie,
  forwardCookies,
  kratosCredential,
  kratosScope,
  ownKratos,
  ownSessions,
} from '../../../../src/http/own-names.js'

const ParamsSchema = Type.Object({ id: UuidSchema })
const LIST = responses(success(Type.Object({ sessions: Type.Array(DeviceSchema) })), ...UPSTREAM_STATUSES)
const REVOKED_OTHERS = responses(success(Type.Object({ revoked: Type.Integer() })), ...UPSTREAM_STATUSES)
const REVOKED_ONE = responses(
  success(Type.Object({ id: Type.String(), logged_out: Type.Boolean() })),
  ...UPSTREAM_STATUSES,
)

const config = { auth: true }

const sessionRoutes: FastifyPluginAsyncTypebox = async function sessionRoutes (app) {
  /** Kratos' cookies go down whatever it answered. */
  function accepted (reply: FastifyReply, answer: Answer): JsonObject {
    reply[forwardCookies](answer.setCookie)
    if (answer.kind !== 'ok') throw upstreamError(answer)
    return answer.body
  }

  /** Before the answer is looked at: also a call that failed may have ended a session. */
  const forgetSessions = (request: FastifyRequest): void =>
    app[ownSessions].invalidate({ identityId: sessionOf(request).identity.id })

  async function others (request: FastifyRequest, reply: FastifyReply): Promise<JsonObject[]> {
    const { sessions } = accepted(
      reply,
      await app[ownKratos].listOtherSessions(request[kratosCredential](), request[kratosScope]()),
    )
    return Array.isArray(sessions) ? sessions.filter(isRecord) : []
  }

  app.get('/', {
    schema: { ...about.session('listSessions', 'The devices that are logged in, the current one marked'), response: LIST },
    config,
  }, async (request, reply) => {
    const sessions = [
      deviceOf(sessionOf(request), true),
      ...(await others(request, reply)).map((session) => deviceOf(session, false)),
    ]
    return ok({ sessions })
  })

  app.delete('/', {
    schema: { ...about.session('revokeOtherSessions', 'Logs out all other devices'), response: REVOKED_OTHERS },
    config,
  }, async (request, reply) => {
    // Kratos' own count includes sessions that were revoked before (recording 45).
    const revoked = await others(request, reply)
    const answer = await app[ownKratos].revokeOtherSessions(request[kratosCredential](), request[kratosScope]())
    forgetSessions(request)
    accepted(reply, answer)
    const { identity: { id: identityId } } = sessionOf(request)
    tellEnded(request, 'revoked', revoked.map((session) => ({ identityId, sessionId: String(session['id']) })))
    return ok({ revoked: revoked.length })
  })

  app.delete('/:id', {
    schema: { ...about.session('revokeSession', 'Logs out one device'), params: ParamsSchema, response: REVOKED_ONE },
    config,
  }, async (request, reply) => {
    const id = request.params.id.toLowerCase()
    const [credential, scope] = [request[kratosCredential](), request[kratosScope]()]
    const owner = { identityId: sessionOf(request).identity.id, sessionId: id }
    const isCurrent = sessionOf(request).id === id
    // Kratos says 204 for a stranger's session too, and leaves it alone (recording 45): here it is 404.
    if (!isCurrent && !(await others(request, reply)).some((session) => session['id'] === id)) { throw serviceError('NOT_FOUND') }
    const answer = isCurrent
      ? (await logout({ kratos: app[ownKratos], sessions: app[ownSessions], credential, scope })).answer
      : await app[ownKratos].revokeSession(id, credential, scope)
    forgetSessions(request)
    accepted(reply, answer)
    if (isCurrent) tellLogout(request, { answer, ...owner })
    else tellEnded(request, 'revoked', [owner])
    if (isCurrent && credential.kind === 'token' && credential.from === 'cookie') reply[expireSessionCookie]()
    return ok({ id, logged_out: isCurrent })
  })
}

export default sessionRoutes
