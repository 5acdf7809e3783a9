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
