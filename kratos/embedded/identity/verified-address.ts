import type { Kratos } from '../kratos.js'
import type { Identity, VerifiableAddress } from './identity.js'

/** Notes on the address that it belongs to who says so; nothing is stored. */
export const verify = (address: VerifiableAddress, now: number): VerifiableAddress =>
  Object.assign(address, { verified: true, status: 'completed', verifiedAt: now })

/**
 * Verifies every address with this value: recovering by it proves as much (recording 55), and so does a login by code.
 * @param options `onlyNew`: addresses that were verified before keep the time
 */
export function verifyByValue ({ store, clock }: Kratos, identity: Identity, value: string, { onlyNew = false } = {}): void {
  for (const address of identity.verifiableAddresses.filter(address => address.value === value && !(onlyNew && address.verified))) {
    store.identities.updateAddress(verify(address, clock.now()))
  }
}
