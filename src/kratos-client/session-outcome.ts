import { type Answer, type AnswerContext, classify } from './answer.js'
import type { UpstreamAnswer } from './buffered-call.js'
import { type UpstreamFailure, upstreamFailure } from './upstream-failure.js'
import { withEpoch } from './kratos-time.js'
import { readSession } from './read-session.js'
import type { KratosSession } from './session.js'

export type NoSession =
  | { kind: 'none', setCookie: string[], cacheFor?: unknown }
  | { kind: 'denied', answer: Extract<Answer, { kind: 'refused' }> }
  | UpstreamFailure

/** `denied`: the session exists and is not enough; `cacheFor`: Kratos' `Ory-Session-Cache-For` as received. */
export type SessionOutcome =
  | { kind: 'valid', session: KratosSession, setCookie: string[], cacheFor?: unknown }
  | NoSession

export type IdentityOutcome = { kind: 'valid', identityId: string, setCookie: string[] } | NoSession

export function sessionOutcome (received: UpstreamAnswer, context: AnswerContext): SessionOutcome {
  const answer = classify(received, context)
  if (answer.kind === 'unavailable') return answer
  const { setCookie } = answer
  const cacheFor = received.headers['ory-session-cache-for']
  if (answer.kind === 'refused') {
    return answer.code === 'INVALID_SESSION'
      ? { kind: 'none', setCookie, cacheFor }
      : refusedSession(answer)
  }
  const reading = readSession(answer.body)
  if (reading.kind === 'active') {
    return { kind: 'valid', session: withEpoch(reading.session, received.epoch), setCookie, cacheFor }
  }
  return reading.kind === 'inactive'
    ? { kind: 'none', setCookie, cacheFor }
    : upstreamFailure('UPSTREAM_ERROR', new Error('whoami answered another shape'))
}

/** whoami's 403 has only reasons that a login can mend; any other answer of it is a fault. */
function refusedSession (answer: Extract<Answer, { kind: 'refused' }>): SessionOutcome {
  return ['AAL2_REQUIRED', 'SESSION_REFRESH_REQUIRED', 'ADDRESS_NOT_VERIFIED', 'FORBIDDEN'].includes(answer.code)
    ? { kind: 'denied', answer }
    : upstreamFailure('UPSTREAM_ERROR', new Error(`whoami answered ${answer.code}`))
}
