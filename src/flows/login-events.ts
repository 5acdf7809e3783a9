import type { FastifyRequest } from 'fastify'
import type { ErrorCode } from '../errors.js'
import { logSecurityEvent } from '../http/security-event.js'
import type { Accepted, Answer } from '../kratos-client/answer.js'
import type { FlowName } from '../kratos-client/caller.js'
import { isRecord } from '../kratos-client/kratos-body.js'
import { sessionToken } from '../kratos-client/session-token.js'
import { adviseOnSessions } from './advice.js'

const LOGIN_FLOWS = new Set<FlowName>(['login', 'registration', 'recovery'])
/** A rejected input is a proof of identity that failed; in a registration it is a name that is taken. */
const PROVING_FLOWS = new Set<FlowName>(['login', 'recovery'])
/** What was given proves nothing; other refusals are about the flow. */
const FAILED_PROOFS = new Set<ErrorCode>(['INVALID_CREDENTIALS', 'FLOW_REJECTED', 'ACCOUNT_DISABLED'])

const givesSession = ({ body, setCookie }: Accepted, cookieName: string): boolean =>
  sessionToken(body) !== undefined || isRecord(body['session']) ||
  setCookie.some((line) => line.startsWith(`${cookieName}=`) && !line.startsWith(`${cookieName}=;`))

/** A completed or failed login; a step on the way there is neither (H08). */
export function logLogin (request: FastifyRequest, flow: FlowName, answer: Answer, cookieName: string): void {
  if (LOGIN_FLOWS.has(flow)) adviseOnSessions(request, flow, answer, cookieName)
  if (answer.kind === 'ok' && LOGIN_FLOWS.has(flow) && givesSession(answer, cookieName)) {
    logSecurityEvent(request, 'login_succeeded', { flow }, 'Logged in')
  }
  if (answer.kind === 'refused' && PROVING_FLOWS.has(flow) && FAILED_PROOFS.has(answer.code)) {
    logSecurityEvent(request, 'login_failed', { flow, code: answer.code }, 'A login failed')
  }
}

export function logLogout (request: FastifyRequest, answer: Answer): void {
  if (answer.kind === 'ok') logSecurityEvent(request, 'logged_out', {}, 'Logged out')
}
