import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { serviceError } from '../errors.js'
import { isTooDeep } from '../json-depth.js'
import { serializerCompiler, validatorCompiler } from './compilers.js'
import { mediaTypeError } from './media-type.js'
import { renderError } from './error-handler.js'

/** Nothing here is for caches, frames or other sites (C16). */
const RESPONSE_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-site',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}
const ONE_YEAR_SECONDS = 31_536_000

export const responseHeaders = (https: boolean): Record<string, string> =>
  https ? { ...RESPONSE_HEADERS, 'strict-transport-security': `max-age=${ONE_YEAR_SECONDS}` } : RESPONSE_HEADERS

/** For what Fastify refuses before any hook runs, such as a URL that cannot be decoded. */
export function createFrameworkErrorHandler ({ https }: { https: boolean }) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    reply.headers(responseHeaders(https)).header('x-request-id', request.id)
    renderError(error, request, reply)
  }
}

/** No `__proto__` or `constructor.prototype` (A07), only JSON (A13, A14), no deeper than it can be written again. */
function acceptJsonOnly (scope: FastifyInstance): void {
  const parse = scope.getDefaultJsonParser('error', 'error')
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, text, done) => {
    parse(request, text, (error, json: unknown) => {
      done(error ?? (isTooDeep(json) ? serviceError('VALIDATION_ERROR') : null), json)
    })
  })
}

/** For the whole service, and by the plugin for its own routes only. @param https clients reach us by it: adds HSTS */
export function applyHttpRules (
  scope: FastifyInstance,
  { https, errorHandler = renderError }: { https: boolean, errorHandler?: typeof renderError },
): void {
  const headers = responseHeaders(https)
  acceptJsonOnly(scope)
  // Set even where they are Fastify's own: inside a host app a scope inherits the host's, maybe not for JSON Schema.
  scope.setValidatorCompiler(validatorCompiler)
  scope.setSerializerCompiler(serializerCompiler)
  scope.setErrorHandler(errorHandler)
  scope.addHook('onRequest', (request, reply, done) => {
    reply.headers(headers).header('x-request-id', request.id)
    done(mediaTypeError(request))
  })
}
