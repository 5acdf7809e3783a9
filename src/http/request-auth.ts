import type { FastifyReply, FastifyRequest } from 'fastify'
import type { KratosSession } from '../kratos-client/session.js'

/** What the guard of a request found out; a union by `kind`, which may grow. */
export type RequestAuth =
  /** Nobody is logged in, or no guard has run. */
  | { readonly kind: 'none' }
  | {
    readonly kind: 'session'
    readonly identityId: string
    /** null where the guard was asked for the id only (`only: 'id'`). */
    readonly session: KratosSession | null
  }

/** What the next guard on the same request need not ask again. */
export interface GuardAnswer {
  readonly auth: RequestAuth
  /** Kratos itself was asked. */
  readonly isFresh: boolean
  /** How many purges there had been when it was asked. */
  readonly generation: number
  /** Closed with the connection or the answer, whichever ends first. */
  readonly response: FastifyReply['raw']
}

export const GUARD_ANSWER = Symbol('fastify-kratos: answer of the guard')
export type WithGuardAnswer = { [GUARD_ANSWER]?: GuardAnswer | null }

const NONE: RequestAuth = Object.freeze({ kind: 'none' })

export const answerOf = (request: object): GuardAnswer | null => (request as WithGuardAnswer)[GUARD_ANSWER] ?? null
export const hasAnswer = (request: object): boolean => answerOf(request) !== null
export const authOf = (request: object): RequestAuth => answerOf(request)?.auth ?? NONE

/** Any request of Fastify, whatever its server and route. */
export type AnyRequest = Pick<FastifyRequest, 'id' | 'ip' | 'method' | 'url'>

/**
 * The session that the guard of this request confirmed. @throws TypeError, which is a 500, in a route without a guard,
 * behind `authenticateOptional` for a visitor, and with `only: 'id'`
 */
export function sessionOf (request: AnyRequest): KratosSession {
  const auth = authOf(request)
  if (auth.kind === 'session' && auth.session !== null) return auth.session
  const { method, url } = (request as FastifyRequest).routeOptions
  const reason = auth.kind === 'session'
    ? "its guard asks for the id only (only: 'id')"
    : 'no guard has found one: a route wants config: { auth: true }'
  throw new TypeError(`fastify-kratos: sessionOf has no session at ${String(method)} ${String(url)}: ${reason}`)
}
