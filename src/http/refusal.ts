import type { FastifyInstance, FastifyRequest } from 'fastify'
import { isServiceError, type ServiceError } from '../errors.js'
import { refusalMembers } from '../flows/continuation.js'
import { isUsable } from '../kratos-client/credential.js'
import { isRecord } from '../kratos-client/kratos-body.js'
import { flowsPath, kratosCredential } from './own-names.js'

/** Gives a refused session the words that say how to go on: `next` and `start`, unless it has some. */
export function withNext (request: FastifyRequest, error: ServiceError): ServiceError {
  const isRefusal = error.statusCode === 401 || error.statusCode === 403
  if (!isRefusal || error.members?.['next'] !== undefined) return error
  const added = refusalMembers(error.code, isUsable(request[kratosCredential]()), request.server[flowsPath])
  return Object.assign(error, { members: { ...error.members, ...added } })
}

const REFUSAL = Symbol('fastify-kratos: refusal of this request')
type WithRefusal = { [REFUSAL]?: ServiceError | null }

/** Fastify's own body of an error, which is all that an app without an error handler answers. */
function isFastifysBody (body: unknown, { code, message }: ServiceError): body is Record<string, unknown> {
  return isRecord(body) && body['code'] === code && body['message'] === message && 'statusCode' in body
}

/**
 * Adds `next` and `start` where Fastify itself writes the answer of a guard, because it leaves out all but code and
 * text. A host's own error handler finds them in `error.members`, and what it answers stays as it is.
 */
export function completeFastifysAnswers (app: FastifyInstance): void {
  app.decorateRequest(REFUSAL, null)
  app.addHook('onError', (request, _reply, error, done) => {
    if (isServiceError(error) && error.members?.['next'] !== undefined) (request as WithRefusal)[REFUSAL] = error
    done()
  })
  app.addHook('onSend', (request, _reply, payload, done) => {
    const error = (request as WithRefusal)[REFUSAL] ?? null
    if (error === null || typeof payload !== 'string' || !payload.startsWith('{')) return done(null, payload)
    const body: unknown = JSON.parse(payload)
    const { next, start } = error.members ?? {}
    done(null, isFastifysBody(body, error) ? JSON.stringify({ ...body, next, start }) : payload)
  })
}
