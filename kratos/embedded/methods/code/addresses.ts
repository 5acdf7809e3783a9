import { formError } from '../../identity/validation.js'
import { requiredError } from '../../flow/form.js'
import { badRequest } from '../../http/errors.js'
import type { Credential, Identity } from '../../identity/identity.js'
import { typedIdentifier } from '../../identity/normalization.js'
import { asObject, valueAt } from '../../json.js'
import type { Kratos } from '../../kratos.js'
import type { Session } from '../../session/session.js'
import { MESSAGES } from '../../ui/message.js'

/** Where a code is sent. */
export interface Address {
  to: string
  via: string
}

/** The addresses of a code credential. */
export function addressesOf (credential: Credential | undefined): Address[] {
  const addresses = credential?.config['addresses']
  return (Array.isArray(addresses) ? addresses.map(asObject) : []).map(({ address, channel }) => ({
    to: String(address ?? ''),
    via: String(channel ?? 'email'),
  }))
}

/** Identities without a code credential, stored before their schema had one, may use their other addresses. */
const hasFallback = ({ config }: Kratos): boolean =>
  config.selfservice.methods['code']?.config['missing_credential_fallback_enabled'] === true

/**
 * Who logs in with a code, and the possible addresses for it.
 * @throws FormError 4000035 for an unknown identifier, 4010010 for an address that does not belong to the session's
 * identity
 */
export function ownerOf (
  kratos: Kratos,
  identifier: string,
  session?: Session,
): { identity: Identity, addresses: Address[] } {
  const { identities } = kratos.store
  if (identifier === '') throw requiredError(MESSAGES.required('identifier'), 'identifier')
  const to = typedIdentifier(identifier)
  const identity = identities.byIdentifier('code', to)
  if (identity !== undefined) return { identity, addresses: addressesOf(identity.credentials['code']) }
  if (!hasFallback(kratos)) throw formError(MESSAGES.noCodeAccount())
  const other = identities.get(identities.idsWithIdentifier(to, false)[0] ?? '')
  if (other !== undefined) return { identity: other, addresses: [{ to, via: 'email' }] }
  if (session === undefined) throw formError(MESSAGES.noCodeAccount())
  const own = session.identity.verifiableAddresses.find(({ value }) => value === to)
  if (own === undefined) throw formError(MESSAGES.addressUnknown())
  return { identity: session.identity, addresses: [{ to: own.value, via: own.via }] }
}

/**
 * The addresses for a code as second factor.
 * @param via a trait with the wanted address; empty for all
 * @throws ApiError 400 when the trait has no such address
 */
export function secondFactorAddresses (kratos: Kratos, { identity }: Session, via: string): Address[] {
  const own = addressesOf(identity.credentials['code'])
  const fallback = hasFallback(kratos) ? identity.verifiableAddresses.map(({ value, via }) => ({ to: value, via })) : []
  const addresses = own.length === 0 ? fallback : own
  if (via === '') return addresses
  const value = valueAt(identity.traits, via)
  if (typeof value !== 'string' || value === '') {
    throw badRequest(`No value found for trait ${via} in the current identity.`)
  }
  const wanted = addresses.filter(({ to }) => to === typedIdentifier(value)).slice(0, 1)
  if (wanted.length > 0 || addresses.length === 0) return wanted
  throw badRequest(
    'You can only reference a trait that matches a verification email address in the via parameter, or a registered credential.',
  )
}
