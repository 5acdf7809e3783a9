import { LRUCache } from 'lru-cache'
import { atMostEntries } from '../lru.js'

/** Digest of a session credential -> digest of the identifier that it was made with. No method rejects. */
export interface CredentialMemory {
  remember(credential: string, identifier: string): Promise<void>
  recall(credential: string): Promise<string | undefined>
}

/** Longer than a person takes to find the second device. */
export const REMEMBERED_MS = 3_600_000
const MAX_REMEMBERED = 10_000

export function localCredentialMemory (): CredentialMemory {
  const identifiers = new LRUCache<string, string>({ ...atMostEntries(MAX_REMEMBERED), ttl: REMEMBERED_MS })
  return {
    remember: async (credential, identifier) => {
      identifiers.set(credential, identifier)
    },
    recall: async (credential) => identifiers.get(credential),
  }
}
