import { serviceError, type ServiceError } from './errors.js'
import type { Refusal } from './kratos-client/answer.js'
import type { UpstreamFailure } from './kratos-client/upstream-failure.js'

/** The error to answer with when Kratos said no, or could not be asked. */
export function upstreamError (answer: Refusal | UpstreamFailure): ServiceError {
  return answer.kind === 'unavailable'
    ? serviceError(answer.code, { retryAfter: answer.retryAfter, cause: answer.cause })
    : serviceError(answer.code, { text: answer.text, members: answer.members })
}
