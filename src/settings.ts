import type { Deadlines } from './kratos-client/client.js'
import { isHttpsUrl } from './url-rules.js'

/**
 * What the auth plugins and routes have to know; the service derives it from its configuration, the public plugin from
 * its options.
 */
export interface AuthSettings {
  /** Kratos' public port as this process reaches it. */
  kratosPublicUrl: string
  /** Kratos' admin port; undefined: nothing that needs it is offered. */
  kratosAdminUrl: string | undefined
  /** Kratos' public port as browsers know it (`serve.public.base_url`). */
  kratosBrowserUrl: string
  /** Where clients reach this API, without trailing slash; undefined: taken from each request. */
  baseUrl: string | undefined
  /** Where a completed logout lands; undefined: at the root of this host. */
  frontendUrl: string | undefined
  /** Origins of the front ends that may call us with cookies. */
  origins: readonly string[]
  cookieName: string
  deadlines: Deadlines
  /** Longest reuse of a session that Kratos confirmed, in seconds; 0: none. */
  sessionCacheMaxAge: number
  /** undefined: submits are not limited. */
  loginLimits: LoginLimits | undefined
}

/**
 * How many login, registration, recovery and verification submits are let through (docs/security-model.md, section 6).
 */
export interface LoginLimits {
  /** Submits a minute from one address. */
  perAddress: number
  /** Submits a minute with one identifier from one address. */
  perIdentifier: number
  /** How many of the latter may come at once; at least `perIdentifier`. */
  burst: number
}

export const DEFAULT_COOKIE_NAME = 'ory_kratos_session'

/** docs/security-model.md, section 6. */
export const DEFAULT_DEADLINES: Deadlines = { whoamiMs: 2000, submitMs: 10_000, otherMs: 5000 }

export const DEFAULT_LOGIN_LIMITS: LoginLimits = { perAddress: 30, perIdentifier: 5, burst: 10 }
export const LOGIN_LIMIT_RANGE = { min: 1, max: 1_000_000 }

/** What an overall limit may be, in milliseconds. */
export const DEADLINE_RANGE_MS = { min: 50, max: 60_000 }

/** A session that was revoked elsewhere lives on here for no longer than this (I10). */
export const MAX_SESSION_CACHE_SECONDS = 5

/** A name that needs no quoting in a Cookie header, whatever wrote it. */
export const isCookieName = (text: string): boolean => /^[A-Za-z0-9_-]{1,64}$/.test(text)

/**
 * Prefixes with which a browser drops a cookie that is not Secure, in any case of letters (RFC 6265bis, section 4.1.3).
 * What else they want, Path=/, HttpOnly and no Domain, our cookie always has.
 */
const SECURE_PREFIX = /^__(?:host|secure|http)-/i

/**
 * Whether browsers keep our cookie under this name: our cookie is Secure exactly where clients are known to come by
 * https.
 */
export const isKeptByBrowsers = (cookieName: string, baseUrl: string | undefined): boolean =>
  !SECURE_PREFIX.test(cookieName) || (baseUrl !== undefined && isHttpsUrl(baseUrl))
