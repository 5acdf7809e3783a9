import { LRUCache } from 'lru-cache'
import { atMostEntries } from '../lru.js'

/** Longer than any request, and any answer of Kratos that was under way, can take. */
const REMEMBERED_MS = 10 * 60_000
const MAX_REMEMBERED = 10_000

export interface DeletedAccounts {
  add: (identityId: string) => void
  has: (identityId: string) => boolean
}

export function createDeletedAccounts (): DeletedAccounts {
  const ids = new LRUCache<string, true>({ ...atMostEntries(MAX_REMEMBERED), ttl: REMEMBERED_MS })
  return {
    add: (id) => {
      ids.set(id.toLowerCase(), true)
    },
    has: (id) => ids.size > 0 && ids.has(id.toLowerCase()),
  }
}
