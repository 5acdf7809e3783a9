import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { serviceError } from '../../src/errors.js'
import { guardRoutes, type RouteGuard } from '../../src/http/guarded-routes.js'
import { withNext } from '../../src/http/refusal.js'
import { decorateByName, publicNames, type PublicNames } from '../../src/http/public-names.js'
import type { UsableCredential } from '../../src/sessions/resolver.js'
import type { KratosSession } from '../../src/kratos-client/session.js'
import { needsOriginCheck } from '../../src/origin-guard.js'
import {
  type AnyRequest, authOf, GUARD_ANSWER, type GuardAnswer, type RequestAuth,
  type WithGuardAnswer,
} from '../../src/http/request-auth.js'
import { isUsable } from '../../src/sessions/resolver.js'
import { type AuthRequirement, missingRequirement } from '../../src/sessions/strength.js'
import { upstreamError } from '../../src/upstream-error.js'
import {
  endCookieConflict,
  forwardCookies,
  guardOrigin,
  kratosCredential,
  kratosScope,
  ownSessions,
  sessionWatch,
} from '../../src/http/own-names.js'

/** For any server, http2 included. */
type Guard = (request: AnyRequest, reply: Pick<FastifyReply, 'sent' | 'statusCode'>) => Promise<void>

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Sets `request.auth` or throws: 401 only when Kratos said that there is no session, 403 when it is not enough,
     * 502/503/504 when Kratos is ill. For `onRequest` or `preHandler`; asks what `config.auth` of the route asks.
     */
    authenticate: Guard
    /** Lets a request without a session pass, with `request.auth.kind` `none`. A fault of Kratos stays a failure. */
    authenticateOptional: Guard
  }
  interface FastifyContextConfig {
    /**
     * Guards the route, before its own hooks: `true`, or what the session has to be (403 with `next` and `start` when
     * it is not). `false`: the route is open, also to `app.authenticate` as a hook of its scope.
     */
    auth?: boolean | AuthRequirement
  }
  interface FastifyRequest {
    /** `kind: 'none'` before a guard ran and where nobody is logged in. */
    readonly auth: RequestAuth
    /** null before a guard ran and where there is no session. Frozen: requests of the same credential share it. */
    readonly kratosSession: KratosSession | null
    /** All that a guard with `only: 'id'` knows. */
    readonly identityId: string | null
  }
}

export interface AuthenticateOptions {
  mayBeUnlabelled?: RouteGuard['mayBeUnlabelled'] | undefined
  names?: PublicNames | undefined
}

const sessionIn = (auth: RequestAuth): KratosSession | null => auth.kind === 'session' ? auth.session : null
const identityIn = (auth: RequestAuth): string | null => auth.kind === 'session' ? auth.identityId : null

/** Whether an earlier guard of the same request found out what this one wants to know. */
const suffices = ({ auth, isFresh }: GuardAnswer, { fresh, only }: AuthRequirement): boolean =>
  (fresh !== true || isFresh) && (auth.kind === 'none' || only === 'id' || auth.session !== null)

export default fp<AuthenticateOptions>(async function authenticate (app, options) {
  const { mayBeUnlabelled = () => true, names = publicNames() } = options
  app.decorateRequest(GUARD_ANSWER, null)
  app.decorateRequest(names.auth, { getter () { return authOf(this) } })
  app.decorateRequest(names.kratosSession, { getter () { return sessionIn(authOf(this)) } })
  app.decorateRequest(names.identityId, { getter () { return identityIn(authOf(this)) } })

  /** @throws whatever is neither a session nor none */
  async function ask (
    credential: UsableCredential,
    request: FastifyRequest,
    reply: FastifyReply,
    { fresh, only }: AuthRequirement,
  ): Promise<RequestAuth> {
    // A foreign page can make a browser send the cookie, never the token header (docs/security-model.md, section 3).
    if (credential.from === 'cookie' && needsOriginCheck(request.method, request.headers)) await app[guardOrigin](request)
    const options = { scope: request[kratosScope](), fresh }
    const outcome = only === 'id'
      ? await app[ownSessions].resolveId(credential, options)
      : await app[ownSessions].resolve(credential, options)
    if (outcome.kind === 'denied') {
      reply[forwardCookies](outcome.answer.setCookie)
      throw withNext(request, upstreamError(outcome.answer))
    }
    if (outcome.kind === 'unavailable') throw upstreamError(outcome)
    reply[forwardCookies](outcome.setCookie)
    if (outcome.kind === 'none') return { kind: 'none' }
    const identityId = 'session' in outcome ? outcome.session.identity.id : outcome.identityId
    // An answer that was under way when the account was deleted.
    if (app[ownSessions].isDeleted(identityId)) return { kind: 'none' }
    return { kind: 'session', identityId, session: 'session' in outcome ? outcome.session : null }
  }

  /** Asked once for all guards of a request. */
  async function check (
    request: FastifyRequest & WithGuardAnswer,
    reply: FastifyReply,
    requirement: AuthRequirement,
  ): Promise<RequestAuth> {
    const known = request[GUARD_ANSWER] ?? undefined
    if (known !== undefined && suffices(known, requirement)) return known.auth
    const credential = request[kratosCredential]()
    // Two different session cookies: nobody can say which is meant. Deleting the host-only one ends the conflict (B01).
    if (credential.kind === 'conflict') reply[endCookieConflict]()
    const generation = app[sessionWatch].generation()
    const auth: RequestAuth = isUsable(credential)
      ? await ask(credential, request, reply, requirement)
      : { kind: 'none' }
    const isFresh = requirement.fresh === true
    request[GUARD_ANSWER] = { auth: Object.freeze(auth), isFresh, generation, response: reply.raw }
    return auth
  }

  /** @throws ServiceError where there is no session that has to be there, or one that is not enough */
  async function guard (request: FastifyRequest, reply: FastifyReply, requirement: AuthRequirement): Promise<void> {
    const auth = await check(request, reply, requirement)
    if (auth.kind === 'none') {
      if (requirement.optional === true) return
      throw withNext(request, serviceError('INVALID_SESSION'))
    }
    const lack = auth.session === null ? undefined : missingRequirement(auth.session, requirement)
    if (lack !== undefined) throw withNext(request, serviceError(lack))
  }

  guardRoutes(app, { guard, mayBeUnlabelled })

  /** What the route's own guard asks; false: it is open. */
  function requirementOf ({ routeOptions }: FastifyRequest): AuthRequirement | false {
    const auth = routeOptions.config?.auth
    return auth === undefined || auth === true ? {} : auth
  }

  const requireSession = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const requirement = requirementOf(request)
    if (requirement !== false) await guard(request, reply, requirement)
  }
  const allowVisitor = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    await check(request, reply, requirementOf(request) || {})
  }
  decorateByName(app, names.authenticate, requireSession)
  decorateByName(app, names.authenticateOptional, allowVisitor)
}, { name: 'fastify-kratos/authenticate', fastify: '5.x', dependencies: ['fastify-kratos/kratos-caller', 'fastify-kratos/cookie', 'fastify-kratos/origin-guard', 'fastify-kratos/sessions'] })
