import type { Deadlines } from './kratos-client/client.js'
import {
  type AuthSettings, DEADLINE_RANGE_MS, DEFAULT_COOKIE_NAME, DEFAULT_DEADLINES, DEFAULT_LOGIN_LIMITS,
  isCookieName, isKeptByBrowsers, LOGIN_LIMIT_RANGE, type LoginLimits, MAX_SESSION_CACHE_SECONDS,
} from './settings.js'
import { isHttpUrl, isOrigin } from './url-rules.js'
import { isStrongKey, MIN_WEBHOOK_KEY_BYTES } from './webhook/key.js'
import type { WebhookReceiverOptions } from './webhook/receiver.js'

export interface FastifyKratosOptions {
  /** Kratos' public port as this process reaches it. */
  publicUrl: string
  /** Kratos' admin port; with it the routes include `DELETE /account`. */
  adminUrl?: string
  /** Kratos' `serve.public.base_url`, where it differs from `publicUrl`. */
  browserUrl?: string
  /** Where clients reach this app; without it each request's own scheme and host serve. */
  baseUrl?: string
  /** Where a completed logout lands; default: the first of `origins`, else the root of this host. */
  frontendUrl?: string
  /**
   * Exact origins of front ends on other origins that may send state-changing requests with cookies; their CORS headers
   * are the app's business.
   */
  origins?: readonly string[]
  /** Kratos' `session.cookie.name`; `__Host-` and `__Secure-` need an https `baseUrl`. */
  cookieName?: string
  /** Overall limits of a call to Kratos, in milliseconds. */
  deadlines?: Partial<Deadlines>
  /**
   * Seconds for which a session that Kratos confirmed may be reused, 0 (the default: none) to 5; Kratos'
   * `feature_flags.cacheable_sessions` must be on.
   */
  sessionCacheMaxAge?: number
  /** Limits of login, registration, recovery and verification submits, in the memory of this process; false: none. */
  throttle?: false | Partial<LoginLimits>
  /**
   * Removes what the app keeps of an identity that deleted its account at `DELETE /account`; called after Kratos
   * deleted it.
   */
  onAccountDeleted?: (identityId: string) => Promise<void>
  /** The auth routes (flows, whoami, logout, sessions) under a prefix, `/api/auth` by default; false: none. */
  routes?: false | { prefix?: string }
  /** Kratos' webhook receiver, at `/internal/auth/user-created` by default; without it there is none. */
  webhook?: WebhookReceiverOptions & { path?: string }
}

export const DEFAULT_PREFIX = '/api/auth'
export const DEFAULT_WEBHOOK_PATH = '/internal/auth/user-created'

/** The options as a program without types may give them. */
type Untrusted<T> = { [name in keyof T]?: unknown }

/** Whole segments: `logout_url` is built of it, so no parameter, no wildcard, no slash at the end. */
const isPath = (path: unknown): boolean => typeof path === 'string' && /^(?:\/[A-Za-z0-9._~-]+)+$/.test(path)
const isListOf = (list: unknown, check: (item: string) => boolean): list is string[] =>
  Array.isArray(list) && list.every((item) => typeof item === 'string' && check(item))
const isCacheAge = (value: unknown): boolean =>
  typeof value === 'number' && value >= 0 && value <= MAX_SESSION_CACHE_SECONDS
const isDeadline = (value: unknown): boolean =>
  Number.isInteger(value) && Number(value) >= DEADLINE_RANGE_MS.min && Number(value) <= DEADLINE_RANGE_MS.max

function urlProblems (
  { publicUrl, adminUrl, browserUrl, baseUrl, frontendUrl }: Untrusted<FastifyKratosOptions>,
): string[] {
  return Object.entries({ publicUrl, adminUrl, browserUrl, baseUrl, frontendUrl })
    .filter(([name, url]) => name === 'publicUrl' || url !== undefined)
    .filter(([, url]) => typeof url !== 'string' || !isHttpUrl(url))
    .map(([name]) => `${name} wants an http(s) URL without credentials, query or fragment`)
}

function cookieNameProblems ({ cookieName = DEFAULT_COOKIE_NAME, baseUrl }: Untrusted<FastifyKratosOptions>): string[] {
  if (typeof cookieName !== 'string' || !isCookieName(cookieName)) return ['cookieName wants letters, digits, _ and -']
  // Without a base URL each request's own scheme decides, and a proxy that hides it would cost everybody the cookie.
  return isKeptByBrowsers(cookieName, typeof baseUrl === 'string' ? baseUrl : undefined)
    ? []
    : ['cookieName with __Host- or __Secure- wants an https baseUrl']
}

function routeProblems (options: Untrusted<FastifyKratosOptions> & { prefix?: unknown }): string[] {
  const { prefix } = (options.routes ?? {}) as { prefix?: unknown }
  return [
    // Fastify takes a prefix for any plugin, and ignores it for one that is not encapsulated.
    ...(options.prefix === undefined ? [] : ['prefix belongs into routes: { prefix }']),
    ...(prefix === undefined || isPath(prefix) ? [] : ['routes.prefix wants a path such as /api/auth']),
  ]
}

function webhookProblems (
  { keys, onIdentity, path }: Untrusted<NonNullable<FastifyKratosOptions['webhook']>>,
): string[] {
  return [
    ...(isListOf(keys, isStrongKey) && keys.length > 0
      ? []
      : [`webhook.keys wants at least one key of at least ${MIN_WEBHOOK_KEY_BYTES} bytes`]),
    ...(typeof onIdentity === 'function' ? [] : ['webhook.onIdentity wants a function']),
    ...(path === undefined || isPath(path) ? [] : [`webhook.path wants a path such as ${DEFAULT_WEBHOOK_PATH}`]),
  ]
}

const isLoginLimit = (value: unknown): boolean =>
  Number.isInteger(value) && Number(value) >= LOGIN_LIMIT_RANGE.min && Number(value) <= LOGIN_LIMIT_RANGE.max

/** Every limit with its default; undefined for an app that wants none. */
const loginLimits = ({ throttle }: Pick<FastifyKratosOptions, 'throttle'>): LoginLimits | undefined =>
  throttle === false ? undefined : { ...DEFAULT_LOGIN_LIMITS, ...throttle }

function throttleProblems (throttle: unknown): string[] {
  if (throttle === undefined || throttle === false) return []
  const names = Object.keys(DEFAULT_LOGIN_LIMITS)
  const isKnown = typeof throttle === 'object' && throttle !== null && !Array.isArray(throttle) &&
    Object.entries(throttle).every(([name, value]) => names.includes(name) && isLoginLimit(value))
  if (!isKnown) { return [`throttle wants false or { ${names.join(', ')} } of ${LOGIN_LIMIT_RANGE.min} to ${LOGIN_LIMIT_RANGE.max}`] }
  const { perIdentifier, burst } = { ...DEFAULT_LOGIN_LIMITS, ...throttle }
  return burst < perIdentifier ? ['throttle.burst wants at least throttle.perIdentifier'] : []
}

/** What is wrong with the options, in words and without their values; empty when they can be used. */
export function optionProblems (options: FastifyKratosOptions): string[] {
  const { origins = [], deadlines, sessionCacheMaxAge = 0, throttle, onAccountDeleted, webhook } = options as Untrusted<
    FastifyKratosOptions
  >
  return [
    ...urlProblems(options),
    ...(isListOf(origins, isOrigin) ? [] : ['origins wants a list of exact origins such as https://app.example.com']),
    ...cookieNameProblems(options),
    ...(Object.values(deadlines ?? {}).every(isDeadline)
      ? []
      : [`deadlines want ${DEADLINE_RANGE_MS.min} to ${DEADLINE_RANGE_MS.max} milliseconds`]),
    ...(isCacheAge(sessionCacheMaxAge) ? [] : [`sessionCacheMaxAge wants 0 to ${MAX_SESSION_CACHE_SECONDS} seconds`]),
    ...throttleProblems(throttle),
    ...(onAccountDeleted === undefined || typeof onAccountDeleted === 'function'
      ? []
      : ['onAccountDeleted wants a function']),
    ...routeProblems(options),
    ...(webhook === undefined ? [] : webhookProblems(webhook ?? {})),
  ]
}

/** What plugins and routes live by, from options that have no problems. */
export function settingsOf (options: FastifyKratosOptions): AuthSettings {
  const origins = options.origins ?? []
  return {
    kratosPublicUrl: options.publicUrl,
    kratosAdminUrl: options.adminUrl,
    kratosBrowserUrl: options.browserUrl ?? options.publicUrl,
    baseUrl: options.baseUrl?.replace(/\/+$/, ''),
    frontendUrl: options.frontendUrl ?? (origins[0] === undefined ? undefined : `${origins[0]}/`),
    origins,
    cookieName: options.cookieName ?? DEFAULT_COOKIE_NAME,
    deadlines: { ...DEFAULT_DEADLINES, ...options.deadlines },
    sessionCacheMaxAge: options.sessionCacheMaxAge ?? 0,
    loginLimits: loginLimits(options),
  }
}
