import type { Kratos } from '../kratos.js'
import type { Identity, VerifiableAddress } from './identity.js'

/** Marks an address as verified; does not store it. */
export const verify = (address: VerifiableAddress, now: number): VerifiableAddress =>
  Object.assign(address, { verified: true, status: 'completed', verifiedAt: now })

/**
 * Verifies all addresses with this value, as a recovery (recording 55) and a login by code do.
 * @param options `onlyNew`: addresses that are already verified keep their time
 */
export function verifyByValue (
  { store, clock }: Kratos,
  identity: Identity,
  value: string,
  { onlyNew = false } = {},
): void {
  for (
    const address of identity.verifiableAddresses.filter(
      (address) => address.value === value && !(onlyNew && address.verified),
    )
  ) {
    store.identities.updateAddress(verify(address, clock.now()))
  }
}
