import { isRecord, type JsonObject } from '../../kratos-client/kratos-body.js'

/** What a line may say. */
const MEMBERS = new Set(['external_id', 'schema_id', 'traits', 'credentials', 'metadata_public', 'recovery_addresses', 'verifiable_addresses'])
/** What gives rights, or says what nobody has proved to this Kratos: only for a source that is trusted. */
const TRUSTED = new Set(['state', 'metadata_admin', 'organization_id'])
const CREDENTIALS = new Set(['password', 'oidc', 'saml'])
const MAX_LINE = 1024 * 1024

export type Line = { identity: JsonObject & { external_id: string } } | { reason: string }

const isVerified = (address: unknown): boolean =>
  isRecord(address) && (address['verified'] === true || address['status'] === 'completed' || address['verified_at'] !== undefined)

/** Why a line must not be sent; undefined: it may. Never a value of it. */
function refusal (identity: JsonObject, isTrusted: boolean): string | undefined {
  const id = identity['external_id']
  if (typeof id !== 'string' || id === '') return 'external_id is missing: it makes an import repeatable'
  if (!isRecord(identity['traits'])) return 'traits are missing'
  for (const name of Object.keys(identity)) {
    if (TRUSTED.has(name) && !isTrusted) return `${name} needs --trust`
    if (!TRUSTED.has(name) && !MEMBERS.has(name)) return 'it has a member that no identity has'
  }
  const addresses = identity['verifiable_addresses']
  if (!isTrusted && Array.isArray(addresses) && addresses.some(isVerified)) return 'a verified address needs --trust'
  const credentials = identity['credentials']
  if (credentials === undefined) return undefined
  if (!isRecord(credentials) || !Object.keys(credentials).every((name) => CREDENTIALS.has(name))) {
    return 'credentials are none of password, oidc and saml'
  }
  const password = isRecord(credentials['password']) ? credentials['password']['config'] : undefined
  if (isRecord(password) && password['password'] !== undefined) return 'a password in the clear: only hashes are taken'
  return undefined
}

/** Reads a line of the file. */
export function readLine (text: string, { isTrusted }: { isTrusted: boolean }): Line {
  if (text.length > MAX_LINE) return { reason: 'it is longer than 1 MiB' }
  let identity: unknown
  try {
    identity = JSON.parse(text)
  } catch {
    return { reason: 'it is no JSON' }
  }
  if (!isRecord(identity)) return { reason: 'it is no object' }
  const reason = refusal(identity, isTrusted)
  return reason === undefined ? { identity: identity as JsonObject & { external_id: string } } : { reason }
}

/** Place and rule in Kratos' words `I[#/traits/email] S[#/properties/…/format] …`; what comes then holds values. */
const PLACE_AND_RULE = /I\[(#[\w/~-]*)\] S\[#[^\]]*\/(\w+)\]/g

/** Why Kratos refuses an identity, without a value of it. */
export function refusalOf (error: unknown): string {
  const { code, reason, message } = isRecord(error) ? error : {}
  const text = [reason, message].filter((part) => typeof part === 'string').join(' ')
  if (code === 409) return 'its identifier, address or external_id belongs to another identity'
  if (/known hash format/.test(text)) return 'its password hash has no format that Kratos knows'
  // The last one is the innermost; the others say that something inside them is wrong.
  const [, place, rule] = [...text.matchAll(PLACE_AND_RULE)].at(-1) ?? []
  if (place !== undefined) return `${place} breaks the rule "${rule}" of its schema`
  return /schema/i.test(text) ? 'its schema_id is not known' : 'Kratos finds it not valid'
}
