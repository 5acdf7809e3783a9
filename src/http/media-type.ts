import type { FastifyRequest } from 'fastify'
import { serviceError, type ServiceError } from '../errors.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The body is passed on or never read, whatever its type. */
    anyMediaType?: boolean
  }
}

const JSON_TYPE = /^application\/json[ \t]*(?:;|$)/i
const CHARSETS = /;[ \t]*charset[ \t]*=[ \t]*("[^"]*"|[^;]*)/gi
const UTF_8 = /^"?utf-?8"?[ \t]*$/i

/** JSON is UTF-8 (RFC 8259, section 8.1): in another charset it would be other text. */
function isJsonInUtf8 (type: string): boolean {
  return JSON_TYPE.test(type) && [...type.matchAll(CHARSETS)].every(([, charset = '']) => UTF_8.test(charset))
}

const hasBody = ({ headers }: FastifyRequest): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

const TAKES_BODY = new Set(['POST', 'PUT', 'PATCH'])

/** 415 for everybody, before anybody looks who asks (A13, A14). */
export function mediaTypeError (request: FastifyRequest): ServiceError | undefined {
  const { headers, method, is404, routeOptions } = request
  const type = headers['content-type']
  const isDeclared = type !== undefined && TAKES_BODY.has(method)
  if (!isDeclared && !hasBody(request)) return undefined
  if (is404 || routeOptions.config.anyMediaType === true) return undefined
  return isJsonInUtf8(type ?? '') ? undefined : serviceError('UNSUPPORTED_MEDIA_TYPE')
}
