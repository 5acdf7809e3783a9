import type { Kysely } from 'kysely'
import type { RetryPolicy } from './retry-policy.js'
import type { StoreSchema } from './schema.js'

export interface InventoryRow {
  identity_id: string
  updated_at: string
}

/** The rows of all identities, in pieces, for whoever compares them with Kratos. */
export interface Inventory {
  count(): Promise<number>
  /** Rows behind an id, up to another one, in order. */
  rows(range: { after: string, upTo: string | undefined, limit: number }): Promise<InventoryRow[]>
  /** Which of these identities have a tombstone: they are taken for deleted. */
  buried(identityIds: string[]): Promise<string[]>
  /** Takes a tombstone away: the identity lives. */
  unbury(identityId: string): Promise<void>
}

export function createInventory (db: Kysely<StoreSchema>, { read, write }: RetryPolicy): Inventory {
  return {
    count: async () => {
      const row = await read(() =>
        db.selectFrom('users').select(({ fn }) => fn.countAll<number | string>().as('count')).executeTakeFirst(),
      )
      return Number(row?.count ?? 0)
    },
    rows: ({ after, upTo, limit }) =>
      read(() => {
        const behind = db.selectFrom('users').select(['identity_id', 'updated_at']).where('identity_id', '>', after)
        const ranged = upTo === undefined ? behind : behind.where('identity_id', '<=', upTo)
        return ranged.orderBy('identity_id').limit(limit).execute()
      }),
    buried: async (identityIds) => {
      if (identityIds.length === 0) return []
      const rows = await read(() =>
        db.selectFrom('account_deletions').select('identity_id')
          .where('identity_id', 'in', identityIds).where('deleted_at', 'is not', null).execute(),
      )
      return rows.map(({ identity_id: id }) => id)
    },
    unbury: async (identityId) => {
      await write(() =>
        db.deleteFrom('account_deletions')
          .where('identity_id', '=', identityId).where('deleted_at', 'is not', null).execute(),
      )
    },
  }
}
