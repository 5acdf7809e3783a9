import { parsedTime } from '../clock.js'
import type { Identity, RecoveryAddress, VerifiableAddress } from '../identity/identity.js'
import { lowered } from '../identity/normalization.js'
import { isObject, type Json, type JsonObject } from '../json.js'
import { NIL_UUID } from '../random.js'
import type { Members } from './strict-body.js'

/** Members of an address in a request. */
export const VERIFIABLE_SHAPE: Members = {
  id: 'uuid',
  value: 'string',
  verified: 'boolean',
  via: 'string',
  status: 'string',
  verified_at: 'time',
  created_at: 'time',
  updated_at: 'time',
}
export const RECOVERY_SHAPE: Members = {
  id: 'uuid',
  value: 'string',
  via: 'string',
  created_at: 'time',
  updated_at: 'time',
}

const listed = (given: Json | undefined): JsonObject[] => Array.isArray(given) ? given.filter(isObject) : []

/** Addresses of a request. They are not stored yet; `validateIdentity` drops those that the traits do not contain. */
export const verifiableAddresses = (given: Json | undefined, now: number): VerifiableAddress[] =>
  listed(given).map((address) => ({
    id: NIL_UUID,
    value: lowered(String(address['value'] ?? '')),
    via: String(address['via'] ?? ''),
    verified: address['verified'] === true,
    status: String(address['status'] ?? '') || (address['verified'] === true ? 'completed' : 'pending'),
    ...(address['verified'] === true
      ? { verifiedAt: typeof address['verified_at'] === 'string' ? parsedTime(address['verified_at']) : now }
      : {}),
    createdAt: 0,
    updatedAt: 0,
  }))

export const recoveryAddresses = (given: Json | undefined): RecoveryAddress[] =>
  listed(given).map(({ value, via }) => ({
    id: NIL_UUID,
    value: lowered(String(value ?? '')),
    via: String(via ?? ''),
    createdAt: 0,
    updatedAt: 0,
  }))

/** Known addresses as a request describes them. Unchanged ones keep their id and times. */
export function changedAddresses (
  identity: Identity,
  given: JsonObject,
  now: number,
): Pick<Identity, 'verifiableAddresses' | 'recoveryAddresses'> {
  const same = (left: { value: string, via: string }, right: { value: string, via: string }): boolean =>
    left.value === right.value && left.via === right.via
  return {
    verifiableAddresses: verifiableAddresses(given['verifiable_addresses'], now).map((address) => {
      const old = identity.verifiableAddresses.find((old) => same(old, address))
      if (old === undefined) return address
      const isSame = old.verified === address.verified && old.status === address.status
      return isSame ? old : { ...address, id: old.id, createdAt: old.createdAt, updatedAt: now }
    }),
    recoveryAddresses: recoveryAddresses(given['recovery_addresses']).map(
      (address) => identity.recoveryAddresses.find((old) => same(old, address)) ?? address,
    ),
  }
}
