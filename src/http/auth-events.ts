import type { FastifyRequest } from 'fastify'
import { isRecord, type JsonObject } from '../kratos-client/kratos-body.js'
import { authEvents } from './own-names.js'

export type AuthEventType =
  | 'session.started'
  | 'session.ended'
  | 'login.failed'
  | 'second_factor.added'
  | 'second_factor.removed'
  | 'second_factor.passed'
  | 'second_factor.failed'

/** Whose session, as far as Kratos' answer says so. */
export interface SessionOwner {
  identityId?: string | undefined
  sessionId?: string | undefined
}

export interface AuthEvent extends SessionOwner {
  type: AuthEventType
  /** Instead of `sessionId`: as `sessionKey` made it before. */
  session?: string | undefined
  /** Why a session ended. */
  reason?: 'logout' | 'revoked' | 'password_changed' | 'deleted' | undefined
  /** Of the login or the second factor, as Kratos calls it. */
  method?: string | undefined
  /** false: of somebody of whom nothing more is to be kept. */
  hasAddress?: boolean | undefined
}

export interface AuthEvents {
  /** Does not throw; the answer to the request waits a moment for what it does. */
  record: (request: FastifyRequest, event: AuthEvent) => void
  /** A session's id as it may be written down. */
  sessionKey: (sessionId: string) => string
}

const text = (value: unknown): string | undefined => typeof value === 'string' ? value : undefined

/** Kratos leaves the identity out of a session that lacks its second factor. */
export function ownerOf (session: JsonObject): SessionOwner {
  const identity = isRecord(session['identity']) ? session['identity'] : {}
  return { identityId: text(identity['id']), sessionId: text(session['id']) }
}

export function recordAuthEvent (request: FastifyRequest, event: AuthEvent): void {
  request.server[authEvents]?.record(request, event)
}

/** Of the session in a body, its id as it may be written down. */
export function keyedSession ({ server }: FastifyRequest, body: JsonObject): string | undefined {
  const { sessionId } = isRecord(body['session']) ? ownerOf(body['session']) : {}
  return sessionId === undefined ? undefined : server[authEvents]?.sessionKey(sessionId)
}

/** Members of a log line: of the session a keyed digest, and nothing where nobody keeps a key. */
export const ownerDetails = (
  { server }: FastifyRequest,
  { identityId, sessionId }: SessionOwner,
): { identityId: string | undefined, session: string | undefined } => ({
  identityId,
  session: sessionId === undefined ? undefined : server[authEvents]?.sessionKey(sessionId),
})
