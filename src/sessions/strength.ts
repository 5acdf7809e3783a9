import { type Static, Type } from '@sinclair/typebox'
import type { ErrorCode } from '../errors.js'
import { isRecord } from '../kratos-client/kratos-body.js'
import { MAX_SKEW_MS, sessionTime } from '../kratos-client/kratos-time.js'
import type { KratosSession } from '../kratos-client/session.js'

/** What a route asks of a session beyond being there. */
export const AuthRequirementSchema = Type.Object({
  aal: Type.Optional(Type.Union([Type.Literal('aal1'), Type.Literal('aal2')], {
    description: '"aal1" or "aal2"; with aal2 a second factor was given in this session',
  })),
  within: Type.Optional(Type.Unsafe<`${number}${'s' | 'm' | 'h'}`>(Type.String({
    pattern: '^\\d{1,6}[smh]$',
    description: 'a duration such as 90s, 5m or 1h; the login is at most this old',
  }))),
  fresh: Type.Optional(Type.Boolean({
    description: 'true or false; with true Kratos itself is asked, whatever is kept or shared',
  })),
  verified: Type.Optional(Type.Boolean({
    description: 'true or false; with true at least one address of the account is verified',
  })),
  optional: Type.Optional(Type.Boolean({
    description: 'true or false; with true visitors pass, and a session still has to be enough',
  })),
  only: Type.Optional(Type.Literal('id', {
    description: '"id"; only the id of the identity is needed, which costs less than a whole session',
  })),
}, { additionalProperties: false })

export type AuthRequirement = Static<typeof AuthRequirementSchema>

const MS_OF_UNIT: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000 }

/** Of a duration such as `90s`, `5m`, `1h`. @throws TypeError for anything else */
export function durationMs (text: string): number {
  const [, count, unit = ''] = /^(\d{1,6})([smh])$/.exec(text) ?? []
  const factor = MS_OF_UNIT[unit]
  if (count === undefined || factor === undefined) throw new TypeError(`"${text}" is no duration such as 90s, 5m or 1h`)
  return Number(count) * factor
}

/**
 * By Kratos' clock; a login without a readable time counts as too old. One after the answer that tells of it shows that
 * the answer's `Date` is not Kratos': then our own clock counts.
 */
function isRecent ({ authenticated_at: authenticatedAt }: KratosSession, withinMs: number, now: number): boolean {
  const loginAt = Date.parse(String(authenticatedAt))
  const isTold = now >= loginAt - MAX_SKEW_MS
  return (isTold ? now : Date.now()) - loginAt <= withinMs
}

export const hasVerifiedAddress = ({ identity }: KratosSession): boolean => {
  const addresses = identity['verifiable_addresses']
  return Array.isArray(addresses) && addresses.some((address) => isRecord(address) && address['verified'] === true)
}

/** The code to refuse with; undefined: strong enough. A second factor comes first: giving it renews the login too. */
export function missingRequirement (
  session: KratosSession,
  { aal, within, verified }: AuthRequirement,
  now = sessionTime(session),
): ErrorCode | undefined {
  if (aal === 'aal2' && session.authenticator_assurance_level !== 'aal2') return 'AAL2_REQUIRED'
  if (within !== undefined && !isRecent(session, durationMs(within), now)) return 'SESSION_REFRESH_REQUIRED'
  if (verified === true && !hasVerifiedAddress(session)) return 'ADDRESS_NOT_VERIFIED'
  return undefined
}
