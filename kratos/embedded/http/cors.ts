import type { CorsConfig } from '../config/types.js'
import { empty, type Answer } from './answer.js'
import type { Exchange } from './exchange.js'

const PREFLIGHT_VARY = 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers'

/** What an empty list means; the defaults of the configuration are for a missing one. */
const FOR_EMPTY = { methods: ['GET', 'POST', 'HEAD'], headers: ['accept', 'content-type', 'x-requested-with'] }
const orDefault = (list: string[], usual: string[]): string[] => list.length === 0 ? usual : list

/**
 * `serve.public.cors` (recording 88). A refused origin, method or header gets no CORS headers.
 * @returns the answer of a preflight, which reaches neither CSRF check nor routes
 */
export function applyCors (ex: Exchange): Answer | undefined {
  const { cors } = ex.kratos.config.serve.public
  if (!cors.enabled) return undefined
  const isPreflight = ex.method === 'OPTIONS' && (ex.headers.get('access-control-request-method') ?? '') !== ''
  ex.vary.push(isPreflight ? PREFLIGHT_VARY : 'Origin')
  Object.assign(ex.responseHeaders, isPreflight ? preflightHeaders(ex, cors) : actualHeaders(ex, cors))
  return isPreflight && !cors.options_passthrough ? empty(204) : undefined
}

function preflightHeaders (ex: Exchange, cors: CorsConfig): Record<string, string> {
  const method = ex.headers.get('access-control-request-method') ?? ''
  const headers = ex.headers.all('access-control-request-headers')
  const allowedHeaders = orDefault(cors.allowed_headers, FOR_EMPTY.headers)
  if (!isAllowed(ex, cors, method) || !areHeadersAllowed(allowedHeaders, headers)) return {}
  return {
    ...sharedHeaders(ex, cors),
    'Access-Control-Allow-Methods': method,
    ...((headers[0] ?? '') === '' ? {} : { 'Access-Control-Allow-Headers': headers.join(', ') }),
    ...(cors.max_age === 0 ? {} : { 'Access-Control-Max-Age': String(cors.max_age) }),
  }
}

function actualHeaders (ex: Exchange, cors: CorsConfig): Record<string, string> {
  if (!isAllowed(ex, cors, ex.method)) return {}
  const exposed = cors.exposed_headers.map((name) =>
    name.toLowerCase().replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase()),
  )
  return {
    ...sharedHeaders(ex, cors),
    ...(exposed.length === 0 ? {} : { 'Access-Control-Expose-Headers': exposed.join(', ') }),
  }
}

const sharedHeaders = (
  ex: Exchange,
  { allowed_origins: origins, allow_credentials: withCredentials }: CorsConfig,
): Record<string, string> => ({
  'Access-Control-Allow-Origin': isAnyOrigin(origins) ? '*' : (ex.headers.get('origin') ?? ''),
  ...(withCredentials ? { 'Access-Control-Allow-Credentials': 'true' } : {}),
})

const isAnyOrigin = (origins: string[]): boolean => origins.length === 0 || origins.includes('*')

function isAllowed (ex: Exchange, cors: CorsConfig, method: string): boolean {
  const origin = (ex.headers.get('origin') ?? '').toLowerCase()
  const { allowed_origins: origins, allowed_methods: methods } = cors
  const isOriginAllowed = isAnyOrigin(origins) || origins.some((allowed) => matches(allowed.toLowerCase(), origin))
  const isMethodAllowed = method === 'OPTIONS' || orDefault(methods, FOR_EMPTY.methods).includes(method)
  return origin !== '' && isOriginAllowed && isMethodAllowed
}

/** One `*` in an allowed origin matches any text, also the empty one. */
function matches (allowed: string, origin: string): boolean {
  const [start = '', end] = allowed.split(/\*(.*)/s)
  if (end === undefined) return allowed === origin
  return origin.length >= start.length + end.length && origin.startsWith(start) && origin.endsWith(end)
}

/** Names must be as browsers send them: lower case, sorted, without duplicates. */
function areHeadersAllowed (allowed: string[], lines: string[]): boolean {
  if (allowed.includes('*')) return true
  const known = [...new Set(allowed.map((name) => name.toLowerCase()))].sort()
  const places = lines
    .flatMap((line) => line.split(','))
    .map((part) => part.replace(/^[ \t]?(.*?)[ \t]?$/s, '$1'))
    .filter((name) => name !== '')
    .map((name) => known.indexOf(name))
  return places.every((place, index) => place > (places[index - 1] ?? -1))
}
