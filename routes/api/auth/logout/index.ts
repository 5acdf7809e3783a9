import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { serviceError } from '../../../../src/errors.js'
import { tellLogout } from '../../../../src/flows/login-events.js'
import type { Answer } from '../../../../src/kratos-client/answer.js'
import { about } from '../../../../src/schemas/about.js'
import { ok, responses, success, UPSTREAM_STATUSES } from '../../../../src/schemas/envelope.js'
import { completeLogout, type LogoutRequest, logout } from '../../../../src/sessions/logout.js'
import type { AuthSettings } from '../../../../src/settings.js'
import { upstreamError } from '../../../../src/upstream-error.js'
import {
  authEvents,
  endCookieConflict,
  expireSessionCookie,
  forwardCookies,
  guardOrigin,
  guardVisit,
  kratosCredential,
  kratosScope,
  ownKratos,
  ownSessions,
  ownUrl,
} from '../../../../src/http/own-names.js'

const LoggedOutSchema = Type.Object({ logged_out: Type.Literal(true) })
const RESPONSES = responses(success(LoggedOutSchema), ...UPSTREAM_STATUSES)
const RedirectedSchema = Type.Null({ description: 'to the front end, unless JSON is accepted' })
/** Recorded tokens have 39 characters (docs/kratos-facts.md, section 3). */
const LogoutQuerySchema = Type.Object({ token: Type.Optional(Type.String({ maxLength: 256 })) }, {
  additionalProperties: true,
})

const wantsJson = ({ headers }: FastifyRequest): boolean => /\bapplication\/json\b/.test(headers.accept ?? '')

const logoutRoutes: FastifyPluginAsyncTypebox<{ settings: AuthSettings }> = async function logoutRoutes (
  app,
  { settings },
) {
  const logoutRequest = (request: FastifyRequest): LogoutRequest => ({
    kratos: app[ownKratos],
    sessions: app[ownSessions],
    credential: request[kratosCredential](),
    scope: request[kratosScope](),
    wantsOwner: app[authEvents] !== undefined,
  })

  /** A session that is over, by this request or before it: the browser's cookie has no more use. */
  function forget (request: FastifyRequest, reply: FastifyReply, answer: Answer): void {
    const credential = request[kratosCredential]()
    reply[forwardCookies](answer.setCookie)
    const over = answer.kind === 'ok' || (answer.kind === 'refused' && answer.code === 'INVALID_SESSION')
    // Kratos deletes the cookies it made itself; the minted one, or one of a pair, is ours to delete.
    const deletedByKratos = credential.kind === 'cookie' && answer.kind === 'ok'
    if (!over || deletedByKratos || request.headers.cookie === undefined) return
    if (credential.kind === 'conflict') reply[endCookieConflict]()
    else reply[expireSessionCookie]()
  }

  // HEAD must not log anybody out, so there is no automatic HEAD route.
  const visit = {
    schema: {
      ...about.session('completeLogout', 'Completes a logout by its token and redirects to the front end'),
      querystring: LogoutQuerySchema,
      response: { ...RESPONSES, 302: RedirectedSchema },
    },
    config: { auth: false },
    onRequest: app[guardVisit],
    exposeHeadRoute: false,
  }
  app.get('/', visit, async (request, reply) => {
    const { token } = request.query
    if (token === undefined || token === '') throw serviceError('LOGOUT_TOKEN_INVALID')
    const ended = await completeLogout(logoutRequest(request), token)
    const { answer } = ended
    forget(request, reply, answer)
    tellLogout(request, ended)
    const alreadyOver = answer.kind === 'refused' && answer.code === 'INVALID_SESSION' && !wantsJson(request)
    if (answer.kind !== 'ok' && !alreadyOver) throw upstreamError(answer)
    if (wantsJson(request)) return ok({ logged_out: true })
    return reply.redirect(settings.frontendUrl ?? `${request[ownUrl]()}/`, 302)
  })

  const body = Type.Object({}, { additionalProperties: true })
  const schema = { ...about.session('logout', 'Logs out in one step'), body, response: RESPONSES }
  app.post('/', { schema, config: { auth: false }, onRequest: app[guardOrigin] }, async (request, reply) => {
    const ended = await logout(logoutRequest(request))
    const { answer } = ended
    forget(request, reply, answer)
    tellLogout(request, ended)
    if (answer.kind !== 'ok') throw upstreamError(answer)
    return ok({ logged_out: true })
  })
}

export default logoutRoutes
