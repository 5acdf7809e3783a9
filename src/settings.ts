import { type Static, Type } from '@sinclair/typebox'
import type { Deadlines } from './kratos-client/pools.js'
import { DEFAULT_TRAITS, overlaps, type TraitPointers } from './kratos-client/traits.js'
import { isHttpsUrl } from './url-rules.js'

/** A session that was revoked elsewhere lives on here no longer than this (I10). */
const MAX_SESSION_CACHE_SECONDS = 60
/** Where no other replica could say that a session has ended. */
const MAX_SECONDS_WITHOUT_BUS = 5
export const MIN_KEY_BYTES = 32
export const DEFAULT_COOKIE_NAME = 'ory_kratos_session'

const text = (format: string, description: string, rest: { default?: string } = {}) =>
  Type.String({ format, description, ...rest })
const integer = (minimum: number, maximum: number, byDefault: number, description: string) =>
  Type.Integer({ minimum, maximum, default: byDefault, description })
const deadline = (byDefault: number, description: string) => integer(50, 60_000, byDefault, description)
const MAX_LOGIN_LIMIT = 1_000_000
const loginLimit = (byDefault: number, description: string) => integer(1, MAX_LOGIN_LIMIT, byDefault, description)

const DeadlinesSchema = Type.Object({
  whoamiMs: deadline(2000, 'milliseconds for a session check at Kratos, waiting included'),
  submitMs: deadline(10_000, 'milliseconds for submitting a flow to Kratos'),
  otherMs: deadline(5000, 'milliseconds for every other call to Kratos'),
}, {
  additionalProperties: false,
  default: {},
  description: '{ whoamiMs, submitMs, otherMs } of 50 to 60000 milliseconds',
})

const LoginLimitsSchema = Type.Object({
  perAddress: loginLimit(
    30,
    'login, registration, recovery and verification submits a minute from one address (IPv6: /64)',
  ),
  perIdentifier: loginLimit(5, 'of these, submits a minute with one identifier from one address'),
  burst: loginLimit(10, 'of the latter, how many may come at once; at least as many as a minute allows'),
  failingCredentials: loginLimit(60, 'credentials without a session a minute from one address, at any guarded route'),
}, {
  additionalProperties: false,
  default: {},
  description: '{ perAddress, perIdentifier, burst, failingCredentials } of 1 to 1000000, or false',
})

const pointer = (name: keyof TraitPointers, words: string) =>
  text('trait-pointer', `JSON pointer to the ${words} within an identity's traits, such as /email or /name/first`, {
    default: DEFAULT_TRAITS[name],
  })

const TraitsSchema = Type.Object({
  email: pointer('email', 'e-mail address'),
  firstName: pointer('firstName', 'first name'),
  lastName: pointer('lastName', 'last name'),
  username: pointer('username', 'username'),
}, {
  additionalProperties: false,
  default: {},
  description: '{ email, firstName, lastName, username }, JSON pointers: where the traits have what whoami and a flat body call so',
})

/**
 * The only place of limits, defaults and words: the service fills it from its environment (`config.ts`), the plugin
 * from its options (`plugin-options.ts`), and the tables in docs/ are made of it.
 */
export const SettingsSchema = Type.Object({
  publicUrl: text('http-url', "URL of Kratos' public port as this process reaches it"),
  adminUrl: Type.Optional(text('http-url', "URL of Kratos' admin port, another one than the public port")),
  browserUrl: Type.Optional(text('http-url', "Kratos' serve.public.base_url, where it differs from its public URL")),
  baseUrl: Type.Optional(
    text('http-url', 'URL under which clients reach this API, http(s), without credentials, query or fragment'),
  ),
  frontendUrl: Type.Optional(text('http-url', 'URL where a completed logout lands; default: the first allowed origin')),
  origins: Type.Array(Type.String({ format: 'origin' }), {
    default: [],
    description: 'exact origins of the front ends, such as https://app.example.com (no *, no path)',
  }),
  returnUrls: Type.Array(Type.String({ format: 'return-url' }), {
    default: [],
    description: "where a flow may return to beside the front ends, such as an app's own myapp://done (no ?, #, *); Kratos' allowed_return_urls has to have them too",
  }),
  cookieName: text(
    'cookie-name',
    "name of Kratos' session cookie (session.cookie.name); __Host- and __Secure- need an https base URL",
    { default: DEFAULT_COOKIE_NAME },
  ),
  deadlines: DeadlinesSchema,
  sessionCacheMaxAge: integer(
    0,
    MAX_SESSION_CACHE_SECONDS,
    0,
    'seconds for which a session that Kratos confirmed may be reused, 0 to 5, with a bus to 60; 0: Kratos is asked each time',
  ),
  throttle: LoginLimitsSchema,
  traits: TraitsSchema,
}, { additionalProperties: false })

export type { Deadlines }
/** Login, registration, recovery and verification submits (docs/security-model.md, section 6). */
export type LoginLimits = Static<typeof LoginLimitsSchema>

/** Every setting, defaults filled in. */
export interface AuthSettings extends Omit<Static<typeof SettingsSchema>, 'throttle'> {
  /** Kratos' public port as browsers know it (`serve.public.base_url`). */
  browserUrl: string
  /** false: submits are not limited. */
  throttle: LoginLimits | false
}

/** Valid by themselves; rules between two of them are `contradictions`. */
export type GivenSettings =
  & Pick<AuthSettings, 'publicUrl' | 'origins' | 'cookieName' | 'deadlines' | 'throttle' | 'sessionCacheMaxAge'>
  & { [name in 'adminUrl' | 'browserUrl' | 'baseUrl' | 'frontendUrl']?: string | undefined }
  & { traits?: TraitPointers, returnUrls?: string[] }

/** Where a flow may end: at the front ends and in apps. */
export const returnTargets = (
  { frontendUrl, origins, returnUrls }: Pick<AuthSettings, 'frontendUrl' | 'origins' | 'returnUrls'>,
): URL[] => [frontendUrl, ...origins, ...returnUrls].filter((url) => url !== undefined).map((url) => new URL(url))

/** Fills in what follows from other settings. */
export function completeSettings (given: GivenSettings): AuthSettings {
  const [firstOrigin] = given.origins
  const baseUrl = given.baseUrl?.replace(/(?<!\/)\/+$/, '')
  const frontendUrl = given.frontendUrl ?? (firstOrigin === undefined ? undefined : `${firstOrigin}/`)
  const {
    adminUrl,
    browserUrl = given.publicUrl,
    publicUrl,
    origins,
    cookieName,
    deadlines,
    throttle,
    sessionCacheMaxAge,
    traits = DEFAULT_TRAITS,
    returnUrls = [],
  } = given
  return {
    publicUrl,
    browserUrl,
    origins,
    cookieName,
    deadlines,
    throttle,
    sessionCacheMaxAge,
    traits,
    returnUrls,
    ...(adminUrl !== undefined && { adminUrl }),
    ...(baseUrl !== undefined && { baseUrl }),
    ...(frontendUrl !== undefined && { frontendUrl }),
  }
}

/** Path of a setting in `SettingsSchema`: `publicUrl`, `throttle.burst`. */
export type SettingName =
  | keyof AuthSettings | 'bus' | `throttle.${keyof LoginLimits}` | `deadlines.${keyof Deadlines}`
  | `traits.${keyof TraitPointers}`

// With these prefixes a browser drops a cookie that is not Secure, in any case of letters (RFC 6265bis, section 4.1.3).
// What else they want, Path=/, HttpOnly and no Domain, our cookie always has.
const SECURE_PREFIX = /^__(?:host|secure|http)-/i

/** Slashes at the end make no difference. */
function normalised (url: string): string {
  const { origin, pathname, search } = new URL(url)
  return origin + pathname.replaceAll(/\/+/g, '/').replace(/\/$/, '') + search
}

function isSameUrl (one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && URL.canParse(one) && URL.canParse(other) &&
    normalised(one) === normalised(other)
}

const isBurstTooSmall = ({ burst, perIdentifier }: Pick<LoginLimits, 'burst' | 'perIdentifier'>): boolean =>
  burst >= 1 && perIdentifier <= MAX_LOGIN_LIMIT && burst < perIdentifier

/** One trait cannot be two of them, nor lie within another: a body could not be made of both. */
function overlapping (traits: TraitPointers, nameOf: (setting: SettingName) => string): string[] {
  const names = Object.keys(DEFAULT_TRAITS) as Array<keyof TraitPointers>
  return names.flatMap((name, index) => {
    const other = names.slice(0, index).find((earlier) => overlaps(traits[earlier], traits[name]))
    return other === undefined
      ? []
      : [`${nameOf(`traits.${name}`)} is not valid: it must differ from ${nameOf(`traits.${other}`)}, and lie apart from it`]
  })
}

/** One line for each broken rule between two settings; a value that is not valid breaks none. @param nameOf in words */
export function contradictions (
  given: { [name in keyof GivenSettings]?: GivenSettings[name] | undefined } & { hasBus?: boolean },
  nameOf: (setting: SettingName) => string = (setting) => setting,
): string[] {
  const { throttle, cookieName = '', baseUrl, sessionCacheMaxAge = 0, hasBus = false, traits } = given
  return [
    ...(isSameUrl(given.publicUrl, given.adminUrl)
      ? [`${nameOf('adminUrl')} is not valid: it must differ from ${nameOf('publicUrl')}`]
      : []),
    // Without a base URL each request's own scheme decides, and a proxy that hides it would cost everybody the cookie.
    ...(SECURE_PREFIX.test(cookieName) && !(baseUrl !== undefined && isHttpsUrl(baseUrl))
      ? [`${nameOf('cookieName')} is not valid: it wants no __Host- or __Secure-, or an https ${nameOf('baseUrl')}`]
      : []),
    ...(sessionCacheMaxAge > MAX_SECONDS_WITHOUT_BUS && sessionCacheMaxAge <= MAX_SESSION_CACHE_SECONDS && !hasBus
      ? [`${nameOf('sessionCacheMaxAge')} is not valid: it wants at most ${MAX_SECONDS_WITHOUT_BUS}, or ${nameOf('bus')}`]
      : []),
    ...(throttle !== undefined && throttle !== false && isBurstTooSmall(throttle)
      ? [`${nameOf('throttle.burst')} is not valid: it must be at least ${nameOf('throttle.perIdentifier')}`]
      : []),
    ...(traits === undefined ? [] : overlapping(traits, nameOf)),
  ]
}
