import { serviceError, type ServiceError } from './errors.js'
import type { Refusal } from './kratos-client/answer.js'
import type { UpstreamFailure } from './kratos-client/upstream-failure.js'

export function upstreamError (answer: Refusal | UpstreamFailure): ServiceError {
  return answer.kind === 'unavailable'
    ? serviceError(answer.code, { retryAfter: answer.retryAfter, cause: answer.cause })
    : serviceError(answer.code, { text: answer.text, members: answer.members })
}
