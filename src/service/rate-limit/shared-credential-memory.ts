import { type CredentialMemory, localCredentialMemory, REMEMBERED_MS } from '../../throttling/credential-memory.js'
import { type Outage, SHARED_LIMIT_MS, within } from './shared-rate-limit-store.js'

/** May reject, and may be slow. */
export interface SharedMemory {
  remember(key: string, value: string, forMs: number): Promise<void>
  recall(key: string): Promise<string | undefined>
}

/** While the shared memory fails or is late, this process knows what it was told itself. */
export function sharedCredentialMemory (shared: SharedMemory, outage: Outage): CredentialMemory {
  const here = localCredentialMemory()

  async function ask<T> (work: () => Promise<T>): Promise<T | undefined> {
    if (!outage.mayAsk()) return undefined
    try {
      const answer = await within(SHARED_LIMIT_MS, work())
      outage.worked()
      return answer
    } catch (error) {
      outage.failed(error)
      return undefined
    }
  }

  return {
    remember: async (credential, identifier) => {
      await here.remember(credential, identifier)
      await ask(() => shared.remember(credential, identifier, REMEMBERED_MS))
    },
    recall: async (credential) => await here.recall(credential) ?? await ask(() => shared.recall(credential)),
  }
}
