import { flowCookies } from './cookies.js'
import type { Credential } from './credential.js'
import type { RequestScope } from './request-scope.js'

export type FlowName = 'registration' | 'login' | 'recovery' | 'verification' | 'settings'
export type FlowType = 'api' | 'browser'

/** Who asks: what of the caller's request may reach Kratos. */
export interface Caller {
  credential: Credential
  /** CSRF and continuity cookies, `name=value`; used by browser-flow calls only. */
  flowCookies: string[]
  /**
   * The caller's address as we resolved it: Kratos notes it at the session's device (docs/kratos-facts.md, section 3).
   * Undefined where a proxy named something that is none.
   */
  address: string | undefined
  userAgent: string | undefined
  /** What the request's calls to Kratos share; without one each has its own limit only. */
  scope?: RequestScope | undefined
}

/** `name=value` of Set-Cookie lines. */
export const cookiePairs = (setCookie: readonly string[]): string[] =>
  setCookie.map((line) => line.split(';', 1)[0] ?? '')

const nameOf = (pair: string): string | undefined => pair.split('=', 1)[0]

/** The caller as it will be once it has taken these Set-Cookie lines; its session stays the same. */
export function withCookies (caller: Caller, setCookie: readonly string[]): Caller {
  const renewed = flowCookies(cookiePairs(setCookie).join('; '))
  const names = new Set(renewed.map(nameOf))
  const kept = caller.flowCookies.filter((pair) => !names.has(nameOf(pair)))
  return { ...caller, flowCookies: [...kept, ...renewed] }
}
