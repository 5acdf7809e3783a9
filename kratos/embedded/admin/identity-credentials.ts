import { badRequest, notFound } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import type { Credential, Identity } from '../identity/identity.js'
import type { JsonObject } from '../json.js'
import { countFirstFactors } from '../methods/factors.js'
import { linkedAccounts, oidcCredential, oidcIdentifier } from '../methods/oidc/credential.js'
import { keyConfig, keysOf, userHandleOf } from '../methods/webauthn/credential.js'
import { checkIdentity } from './identity-body.js'

/**
 * Removes a credential from an identity, which the caller stores. For `oidc` only the account in `?identifier=` is
 * removed. An empty password credential remains, because the schema derives one.
 * @throws ApiError 404 when there is none, 400 when it is the last way to log in
 */
export function deleteCredential (ex: Exchange, identity: Identity): void {
  const type = ex.params['type'] ?? ''
  const credential = identity.credentials[type]
  if (credential === undefined) throw notFound(`You tried to remove a ${type} but this user have no ${type} set up.`)
  const now = ex.kratos.clock.now()
  switch (type) {
    case 'totp':
    case 'lookup_secret':
      delete identity.credentials[type]
      break
    case 'webauthn':
      identity.credentials[type] = { ...credential, config: firstFactorsOf(credential), updatedAt: now }
      break
    case 'password':
    case 'oidc':
      if (countFirstFactors(ex.kratos, identity) < 2) {
        throw badRequest('You cannot remove the last first factor credential.')
      }
      if (type === 'password') identity.credentials[type] = { ...credential, config: {}, updatedAt: now }
      else unlink(identity, ex.query.get('identifier') ?? '', now)
      break
    default:
      throw badRequest(`Credentials type ${type} cannot be deleted.`)
  }
  checkIdentity(ex.kratos, identity)
}

/** Kratos leaves security keys that are a first factor (tried on v26.2.0). */
function firstFactorsOf (credential: Credential): JsonObject {
  const keys = keysOf(credential).filter(({ is_passwordless: isFirst }) => isFirst)
  return keys.length === 0 ? {} : keyConfig(keys, userHandleOf(credential))
}

function unlink (identity: Identity, identifier: string, now: number): void {
  if (identifier === '') throw badRequest('You must provide an identifier to delete this credential.')
  const accounts = linkedAccounts(identity.credentials['oidc'])
  const others = accounts.filter(({ provider, subject }) => oidcIdentifier(provider, subject) !== identifier)
  if (others.length === accounts.length) {
    throw notFound(`The identifier \`${identifier}\` was not found among OIDC credentials.`)
  }
  identity.credentials['oidc'] = oidcCredential(others, now, identity.credentials['oidc'])
}
