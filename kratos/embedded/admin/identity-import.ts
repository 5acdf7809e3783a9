import { badRequest, plainError } from '../http/errors.js'
import type { Identity } from '../identity/identity.js'
import { FormError } from '../identity/validation.js'
import { asObject, isObject, type Json, type JsonObject } from '../json.js'
import type { Kratos } from '../kratos.js'
import { linkedAccount, linkedAccounts, oidcCredential } from '../methods/oidc/credential.js'
import { hashPassword } from '../methods/password/hashing.js'
import type { Members } from './strict-body.js'

/** Members of `credentials` in a request. */
export const CREDENTIALS_SHAPE: Members = {
  password: { config: { hashed_password: 'string', password: 'string', use_password_migration_hook: 'boolean' } },
  oidc: {
    config: { providers: [{ subject: 'string', provider: 'string', use_auto_link: 'boolean', organization: 'uuid' }] },
  },
  saml: { config: { providers: [{ subject: 'string', provider: 'string', organization: 'uuid' }] } },
}

/** Prefixes of the hashes that Kratos accepts. The login finds out whether this server can compare one. */
const HASHES =
  /^(\$(2[abzy]?|argon2id?|pbkdf2-sha[0-9]{1,3}|scrypt|md5|md5-crypt|sha(1|256|512)|sha(256|512)-crypt|firescrypt|hmac-(md4|md5|sha1|sha224|sha256|sha384|sha512))\$|\{SSHA(256|512)?\})/

/**
 * Adds imported credentials to an identity. No password policy applies.
 * @throws ApiError 400 for an unknown hash format
 */
export async function importCredentials (kratos: Kratos, identity: Identity, given: Json | undefined): Promise<void> {
  const credentials = asObject(given)
  const now = kratos.clock.now()
  if (isObject(credentials['password'])) {
    const config = await passwordConfig(kratos, asObject(credentials['password']['config']))
    identity.credentials['password'] = {
      type: 'password',
      identifiers: [],
      config,
      version: 0,
      createdAt: now,
      updatedAt: now,
    }
  }
  for (const type of ['oidc', 'saml']) {
    if (!isObject(credentials[type])) continue
    const { providers } = asObject(credentials[type]['config'])
    const old = identity.credentials[type]
    const accounts = (Array.isArray(providers) ? providers : []).map(asObject).map(account)
    const made = oidcCredential([...linkedAccounts(old), ...accounts], now, old)
    const isNone = old === undefined && accounts.length === 0
    identity.credentials[type] = { ...made, type, ...(isNone ? { config: { providers: null } } : {}) }
  }
}

async function passwordConfig (
  kratos: Kratos,
  { password, hashed_password: hashed, use_password_migration_hook: usesHook }: JsonObject,
): Promise<JsonObject> {
  // A login with it says that the hook is not enabled.
  if (usesHook === true) return { hashed_password: '', use_password_migration_hook: true }
  const result = typeof password === 'string' && password !== ''
    ? await hashed72(kratos, password)
    : String(hashed ?? '')
  if (!HASHES.test(result)) {
    throw badRequest(
      'The imported password does not match any known hash format. For more information see https://www.ory.sh/dr/2',
    )
  }
  return { hashed_password: result }
}

/** A password that is too long for bcrypt is an internal error here. */
async function hashed72 (kratos: Kratos, password: string): Promise<string> {
  try {
    return await hashPassword(kratos, password)
  } catch (error) {
    throw error instanceof FormError
      ? plainError(`I[#/password] S[] the password does not fulfill the password policy because: ${error.message}`)
      : error
  }
}

const account = (
  { provider, subject, use_auto_link: autoLink, organization = null }: JsonObject,
): ReturnType<typeof linkedAccount> =>
  linkedAccount(String(provider ?? ''), String(subject ?? ''), undefined, {
    ...(organization === null ? {} : { organization }),
    ...(autoLink === true ? { use_auto_link: true } : {}),
  })
