import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import type { Caller } from './caller.js'
import type { PoolName } from './pools.js'

export interface PassThroughRequest {
  method: Dispatcher.HttpMethod
  /** From `passThroughPath`, with the query. */
  path: string
  headers: IncomingHttpHeaders
  body: Buffer | null
  caller: Caller
  /** Kratos writes the host it was called by into `request_url` (docs/kratos-facts.md, section 3). */
  ownUrl: string
}

/** What browsers and Kratos' SDK need; its health, metrics and anything new stay inside. */
const PUBLIC_AREAS = new Set(['self-service', 'sessions', 'schemas', '.well-known'])
/** Kratos' paths hold nothing else; an escape or a dot segment could lead out of them (D01). */
const PLAIN_SEGMENT = /^(?!\.{1,2}$)[A-Za-z0-9._~=-]+$/

/** Undefined for what is not public. @param path below our prefix, decoded, without leading slash */
export function passThroughPath (path: string): string | undefined {
  const segments = path.split('/')
  if (!PUBLIC_AREAS.has(segments[0] ?? '') || !segments.every((segment) => PLAIN_SEGMENT.test(segment))) { return undefined }
  return `/${path}`
}

/** What a request for Kratos' own API is, as one for ours would be called. */
export type ProxiedKind = 'logout' | 'submit' | 'settings' | 'start' | 'whoami' | 'read'

/** First match wins; a link of a mail is a submit too, and so are a provider's way back and the end of its login. */
const KINDS: Array<[request: RegExp, kind: ProxiedKind]> = [
  [/^\S+ \/self-service\/logout(?:\/|$)/, 'logout'],
  [/^\S+ \/self-service\/settings$/, 'settings'],
  [/^\S+ \/self-service\/(?:login|registration|recovery|verification)$/, 'submit'],
  [/^\S+ \/self-service\/(?:methods|fed-cm)\//, 'submit'],
  [/^\S+ \/sessions\/token-exchange$/, 'submit'],
  [/^\S+ \/self-service\/[a-z]+\/(?:browser|api)$/, 'start'],
  [/^\S+ \/sessions\/whoami$/, 'whoami'],
]

/** @param path of Kratos, with or without its query */
export function proxiedKind (method: string, path: string): ProxiedKind {
  const request = `${method} ${path.split('?', 1)[0]}`
  return KINDS.find(([pattern]) => pattern.test(request))?.[1] ?? 'read'
}

/** Whether a request may change a session or an account: all but those that only show something (I09). */
export const mayChange = (method: string, path: string): boolean =>
  method !== 'GET' || (path.startsWith('/self-service/') && !/\/(?:browser|api|flows)(?:\?|$)/.test(path))

/** Never the sockets of our own submits and logouts: whose requests these are nobody knows yet. */
export const POOL_OF_PROXIED: Record<ProxiedKind, PoolName> = {
  logout: 'proxyLogout',
  submit: 'proxySubmit',
  settings: 'proxy',
  start: 'proxy',
  whoami: 'proxy',
  read: 'proxy',
}

/** The pool at our own routes, whose deadline goes for the same request here. */
export const DEADLINE_OF_PROXIED: Record<ProxiedKind, PoolName> = {
  logout: 'session',
  submit: 'submit',
  settings: 'settings',
  start: 'flow',
  whoami: 'whoami',
  read: 'flow',
}

/** Never `Origin`: with it API flows fail (docs/kratos-facts.md, section 1 iii). */
const HEADERS_UP = ['accept', 'accept-language', 'content-type', 'if-none-match', 'x-csrf-token']

export function passThroughHeaders ({ headers, ownUrl }: PassThroughRequest): Record<string, string> {
  const { host, protocol } = new URL(ownUrl)
  const passed = HEADERS_UP.flatMap((name) => {
    const value = headers[name]
    return typeof value === 'string' ? [[name, value]] : []
  })
  return { ...Object.fromEntries(passed) as Record<string, string>, host, 'x-forwarded-proto': protocol.slice(0, -1) }
}

/** Body, cookies and paging; no CORS, hop-by-hop or server headers (B24). */
const HEADERS_DOWN = [
  'content-type',
  'content-length',
  'set-cookie',
  'cache-control',
  'etag',
  'link',
  'x-total-count',
  'retry-after',
  'ory-session-cache-for',
  'ory-error-id',
]

/** Of the others two are none: whoever reads them takes one or the other. */
const LISTS = new Set(['set-cookie', 'cache-control', 'link'])

export const answerHeaders = (headers: IncomingHttpHeaders): Record<string, string | string[]> =>
  Object.fromEntries(HEADERS_DOWN.flatMap((name) => {
    const value = headers[name]
    return typeof value === 'string' || (value !== undefined && LISTS.has(name)) ? [[name, value]] : []
  }))
