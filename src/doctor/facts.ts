import type { JsonObject } from '../kratos-client/kratos-body.js'
import type { TraitPointers } from '../kratos-client/traits.js'

/** Settings that Kratos has to agree with. */
export interface SettingsFacts {
  publicUrl: string
  adminUrl?: string | undefined
  /** Kratos' public port as browsers know it. */
  browserUrl: string
  /** Where clients reach the app. */
  baseUrl?: string | undefined
  frontendUrl?: string | undefined
  origins: string[]
  returnUrls?: string[] | undefined
  cookieName: string
  sessionCacheMaxAge: number
  traits?: TraitPointers | undefined
  /** Accepted keys of the webhook; undefined: not known here, so that no key is compared. */
  webhookKeys?: readonly string[] | undefined
  /** Path of the webhook's receiver; undefined: the paths of the service. */
  webhookPath?: string | undefined
  /** Whether Kratos' public API is served here, at /kratos/; undefined: not known. */
  hasProxy?: boolean | undefined
  /** Where this process listens: for all, and for the inside; undefined: not known. */
  ports?: { open: number, internal?: number | undefined } | undefined
  /** What the reader calls a setting. */
  nameOf: (setting: NamedSetting) => string
}

export type NamedSetting =
  | 'publicUrl' | 'adminUrl' | 'browserUrl' | 'baseUrl' | 'frontendUrl' | 'origins' | 'returnUrls' | 'cookieName'
  | 'sessionCacheMaxAge' | 'webhookKeys' | `traits.${keyof TraitPointers}`

/** Who answers at a URL: one of Kratos' ports, something in front of both, somebody else, or nobody. */
export type Answering = 'public' | 'admin' | 'both' | 'other' | 'nobody'

export interface PortFacts {
  answering: Answering
  /** Why nobody answers, in the words of the system: ECONNREFUSED, a code of TLS, `timeout`. */
  fault?: string | undefined
  /** What somebody else says, where it tells what he is. */
  says?: string | undefined
  version?: string | undefined
}

/** Attributes of a cookie of Kratos; its CSRF cookie has those of its session cookie, unless they are set apart. */
export interface CookieFacts {
  isSecure: boolean
  domain?: string | undefined
  path?: string | undefined
}

/** What a running Kratos says by itself. */
export interface KratosFacts {
  public: PortFacts
  admin?: PortFacts | undefined
  /** What it answers to the start of a login, where that is a failure of its own. */
  failure?: number | undefined
  /** `serve.public.base_url`, as the form of a flow names it. */
  baseUrl?: string | undefined
  cookie?: CookieFacts | undefined
  /** Addresses to which Kratos does not let a flow return. */
  refusedReturns: string[]
  /** Identity schemas that it serves; empty or undefined: it does not say. */
  schemas?: unknown[] | undefined
  /** Those that the admin port serves. */
  adminSchemas?: unknown[] | undefined
  /** Whether sessions may be cached; undefined: not asked. */
  isCacheable?: boolean | undefined
  /** By how many milliseconds our clock is ahead of that of Kratos. */
  aheadMs?: number | undefined
}

/** A configuration of Kratos, as its files have it. */
export interface FileFacts {
  settings: SettingsFacts
  config: JsonObject
}

export interface ProbeFacts {
  settings: SettingsFacts
  kratos: KratosFacts
}
