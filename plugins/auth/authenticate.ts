import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import { serviceError, type ServiceError } from '../../src/errors.js'
import { nextOfCode } from '../../src/flows/outcome.js'
import type { IdentityOutcome, SessionOutcome } from '../../src/kratos-client/session-outcome.js'
import type { KratosSession } from '../../src/kratos-client/session.js'
import { needsOriginCheck } from '../../src/origin-guard.js'
import { isUsable } from '../../src/sessions/resolver.js'
import { type AuthRequirement, checkRequirement, missingRequirement } from '../../src/sessions/strength.js'
import { upstreamError } from '../../src/upstream-error.js'

type Guard = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Guard for `onRequest` or `preHandler`: sets `request.kratosSession` or throws; 401 only when Kratos said that
     * there is no session, 403 when it is not enough, 502/503/504 when Kratos is ill.
     */
    authenticate: Guard
    /**
     * The same, but a request without a session passes with `request.kratosSession` null. A fault of Kratos stays a
     * failure.
     */
    authenticateOptional: Guard
  }
  interface FastifyContextConfig {
    /**
     * Guards the route, before everything else and by this alone: `true`, or what the session has to be (403 with
     * `next` when it is not). For the routes of the instance with the plugin, and of scopes registered after it.
     */
    auth?: boolean | AuthRequirement
  }
  interface FastifyRequest {
    /**
     * The session that Kratos confirmed for this request; null before a guard ran and where there is none. It may be
     * shared with other requests of the same credential: for reading only.
     */
    kratosSession: KratosSession | null
    /** Its identity's id, which is all that a guard with `only: 'id'` knows. */
    identityId: string | null
  }
}

/** A refusal of a session says what the client does next, as the steps of a flow do. */
const refusal = (error: ServiceError): ServiceError =>
  error.statusCode === 403
    ? Object.assign(error, { members: { ...error.members, next: nextOfCode(error.code) } })
    : error

export default fp(async function authenticate (app) {
  app.decorateRequest('kratosSession', null)
  app.decorateRequest('identityId', null)

  /** @returns whether there is a session; everything that is neither yes nor no is thrown */
  async function check (
    request: FastifyRequest,
    reply: FastifyReply,
    { fresh, only }: AuthRequirement = {},
  ): Promise<boolean> {
    const credential = request.kratosCredential()
    // Two different session cookies: nobody can say which is meant. Deleting the host-only one cures the browser (B01).
    if (credential.kind === 'conflict') reply.endCookieConflict()
    if (!isUsable(credential)) return false
    // A foreign page can make a browser send the cookie, never the token header (docs/security-model.md, section 3).
    if (credential.from === 'cookie' && needsOriginCheck(request.method, request.headers)) { await app.guardOrigin(request) }
    const options = { scope: request.kratosScope(), fresh }
    const outcome: SessionOutcome | IdentityOutcome = only === 'id'
      ? await app.sessions.resolveId(credential, options)
      : await app.sessions.resolve(credential, options)
    if (outcome.kind === 'denied') {
      reply.forwardCookies(outcome.answer.setCookie)
      throw refusal(upstreamError(outcome.answer))
    }
    if (outcome.kind === 'unavailable') {
      const failure = upstreamError(outcome)
      // Here, because on a route of a host app the host's error handler answers.
      if (failure.retryAfter !== undefined) reply.header('retry-after', String(failure.retryAfter))
      throw failure
    }
    reply.forwardCookies(outcome.setCookie)
    if (outcome.kind === 'none') return false
    const identityId = 'session' in outcome ? outcome.session.identity.id : outcome.identityId
    // An answer that was under way when the account was deleted.
    if (app.sessions.isDeleted(identityId)) return false
    if ('session' in outcome) request.kratosSession = outcome.session
    request.identityId = identityId
    return true
  }

  app.decorate('authenticate', async (request, reply) => {
    if (!await check(request, reply)) throw serviceError('INVALID_SESSION')
  })

  /** The guard of a route with `config.auth`; a requirement that makes no sense fails the start. */
  function routeGuard (requirement: AuthRequirement): Guard {
    checkRequirement(requirement)
    return async function guardRoute (request, reply) {
      if (!await check(request, reply, requirement)) throw serviceError('INVALID_SESSION')
      const lack = request.kratosSession === null ? undefined : missingRequirement(request.kratosSession, requirement)
      if (lack !== undefined) throw refusal(serviceError(lack))
    }
  }

  const guards = new WeakSet<object>()
  /** Requirements of the routes that have their guard among their own hooks. */
  const attached = new WeakSet<object>()
  app.addHook('onRoute', (route: RouteOptions) => {
    const auth = route.config?.auth
    if (auth === undefined || auth === false) return
    const requirement = auth === true ? {} : { ...auth }
    attached.add(requirement)
    route.config = { ...route.config, auth: requirement }
    const hooks = [route.onRequest ?? []].flat()
    // The automatic HEAD route comes with the hooks of its GET route.
    if (hooks.some((hook) => guards.has(hook))) return
    const guard = routeGuard(requirement)
    guards.add(guard)
    route.onRequest = [guard, ...hooks]
  })

  // After `register` without `await` the app declares routes before this plugin is loaded: the hook above never saw
  // them.
  app.addHook('onRequest', (request, reply, done) => {
    const auth = request.routeOptions.config?.auth
    if (auth === undefined || auth === false || (auth !== true && attached.has(auth))) done()
    else routeGuard(auth === true ? {} : auth)(request, reply).then(() => done(), done)
  })

  app.decorate('authenticateOptional', async (request, reply) => {
    await check(request, reply)
  })
}, { name: 'authenticate', fastify: '5.x', dependencies: ['kratos-caller', 'cookie', 'origin-guard', 'sessions'] })
