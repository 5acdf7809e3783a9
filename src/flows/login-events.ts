import type { FastifyRequest } from 'fastify'
import type { ErrorCode } from '../errors.js'
import { type AuthEvent, ownerDetails, ownerOf, recordAuthEvent, type SessionOwner } from '../http/auth-events.js'
import type { Whose } from '../http/login-throttle.js'
import {
  authEvents, kratosCredential, kratosScope, loginThrottle, ownKratos, ownSessions,
} from '../http/own-names.js'
import { logSecurityEvent } from '../http/security-event.js'
import type { Accepted, Answer } from '../kratos-client/answer.js'
import type { FlowName } from '../kratos-client/caller.js'
import { isRecord, type JsonObject } from '../kratos-client/kratos-body.js'
import { sessionToken } from '../kratos-client/session-token.js'
import type { EndedSession } from '../sessions/logout.js'
import { isUsable } from '../sessions/resolver.js'
import { triesSecondFactor } from '../throttling/second-factor.js'
import { adviseOnSessions } from './advice.js'
import { wrongFactor } from './second-factor.js'

const LOGIN_FLOWS = new Set<FlowName>(['login', 'registration', 'recovery'])
/** A rejected input is a proof of identity that failed; in a registration it is a name that is taken. */
const PROVING_FLOWS = new Set<FlowName>(['login', 'recovery'])
/** What was given proves nothing; other refusals are about the flow. */
const FAILED_PROOFS = new Set<ErrorCode>(['INVALID_CREDENTIALS', 'FLOW_REJECTED', 'ACCOUNT_DISABLED'])

const givesSession = ({ body, setCookie }: Accepted, cookieName: string): boolean =>
  sessionToken(body) !== undefined || isRecord(body['session']) ||
  setCookie.some((line) => line.startsWith(`${cookieName}=`) && !line.startsWith(`${cookieName}=;`))

/** Of an accepted step; empty where it has none. */
export const sessionIn = ({ session }: JsonObject): JsonObject => isRecord(session) ? session : {}

/** Kratos' words for what a session was proved by, oldest first. */
const methodsOf = ({ authentication_methods: methods }: JsonObject): Array<{ method: string, aal: unknown }> =>
  (Array.isArray(methods) ? methods.filter(isRecord) : []).map(({ method, aal }) => ({ method: String(method), aal }))

/**
 * What an accepted login was: a new session, a second factor, or undefined for a session that was proved anew. Kratos
 * names the methods of a session from its start on.
 */
export function loginEvent (flow: FlowName, session: JsonObject): AuthEvent | undefined {
  const methods = methodsOf(session)
  const last = methods.at(-1)
  const known = { ...ownerOf(session), method: last?.method }
  if (flow !== 'login' || methods.length <= 1) return { type: 'session.started', ...known }
  return last?.aal === 'aal2' ? { type: 'second_factor.passed', ...known } : undefined
}

const keptSessions = new WeakMap<FastifyRequest, SessionOwner>()

/** Before a second factor is tried, because the try forgets what is kept of the session. Asks nobody. */
export function noteSession (request: FastifyRequest, body: unknown): void {
  if (request.server[authEvents] === undefined || !triesSecondFactor(body)) return
  const credential = request[kratosCredential]()
  const kept = isUsable(credential) ? request.server[ownSessions].kept(credential) : undefined
  if (kept !== undefined) keptSessions.set(request, { identityId: kept.identity.id, sessionId: kept.id })
}

/** A browser's login that a redirect leads on to the second factor says nothing of whose it is: Kratos is asked. */
export const whoseLogin = (request: FastifyRequest, isRedirect: boolean): Whose | undefined => {
  const { server } = request
  if (!isRedirect || server[authEvents] === undefined) return undefined
  return (identifier) => server[ownKratos].identityOf(identifier, request[kratosScope]())
}

/** Kratos does not say whose login failed. @param factor the second factor that was wrong, where one was tried */
export function failureEvent (request: FastifyRequest, factor: string | undefined): AuthEvent {
  if (factor === undefined) return { type: 'login.failed' }
  const known = keptSessions.get(request) ?? request.server[loginThrottle].ownerOfTry(request)
  return { type: 'second_factor.failed', method: factor, ...known }
}

/** A completed or failed login; a step on the way there is neither (H08). */
export function tellLogin (request: FastifyRequest, flow: FlowName, answer: Answer, cookieName: string): void {
  if (LOGIN_FLOWS.has(flow)) adviseOnSessions(request, flow, answer, cookieName)
  if (answer.kind === 'ok' && LOGIN_FLOWS.has(flow) && givesSession(answer, cookieName)) {
    const session = sessionIn(answer.body)
    const event = loginEvent(flow, session)
    if (event !== undefined) recordAuthEvent(request, event)
    logSecurityEvent(request, 'login_succeeded', { flow, ...ownerDetails(request, ownerOf(session)) }, 'Logged in')
  }
  if (answer.kind === 'refused' && PROVING_FLOWS.has(flow) && FAILED_PROOFS.has(answer.code)) {
    recordAuthEvent(request, failureEvent(request, wrongFactor(answer)))
    logSecurityEvent(request, 'login_failed', { flow, code: answer.code }, 'A login failed')
  }
}

export function tellLogout (request: FastifyRequest, { answer, ...owner }: EndedSession): void {
  if (answer.kind !== 'ok') return
  recordAuthEvent(request, { type: 'session.ended', reason: 'logout', ...owner })
  logSecurityEvent(request, 'logged_out', { ...ownerDetails(request, owner) }, 'Logged out')
}

/** Sessions that were ended from another one. */
export function tellEnded (
  request: FastifyRequest,
  reason: NonNullable<AuthEvent['reason']>,
  owners: readonly SessionOwner[],
): void {
  for (const owner of owners) recordAuthEvent(request, { type: 'session.ended', reason, ...owner })
}
