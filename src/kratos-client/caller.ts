import { flowCookies } from './cookies.js'
import type { Credential } from './credential.js'
import type { RequestScope } from './request-scope.js'

export type FlowName = 'registration' | 'login' | 'recovery' | 'verification' | 'settings'
export type FlowType = 'api' | 'browser'

/** What of the caller's request may reach Kratos. */
export interface Caller {
  credential: Credential
  /** `name=value`; used by browser-flow calls only. */
  flowCookies: string[]
  /** Kratos notes it at the session's device (docs/kratos-facts.md, section 3); undefined where a proxy named none. */
  address: string | undefined
  userAgent: string | undefined
  scope?: RequestScope | undefined
}

export const cookiePairs = (setCookie: readonly string[]): string[] =>
  setCookie.map((line) => line.split(';', 1)[0] ?? '')

const nameOf = (pair: string): string | undefined => pair.split('=', 1)[0]

/** The caller once it has taken these Set-Cookie lines; its session stays the same. */
export function withCookies (caller: Caller, setCookie: readonly string[]): Caller {
  const renewed = flowCookies(cookiePairs(setCookie).join('; '))
  const names = new Set(renewed.map(nameOf))
  const kept = caller.flowCookies.filter((pair) => !names.has(nameOf(pair)))
  return { ...caller, flowCookies: [...kept, ...renewed] }
}
