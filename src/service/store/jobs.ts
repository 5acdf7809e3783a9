import type { Kysely } from 'kysely'
import type { RetryPolicy } from './retry-policy.js'
import type { StoreSchema } from './schema.js'

/**
 * Work that one process does for all, every so often. The processes' clocks only say roughly when: two that differ may
 * do it twice, so it must bear that. All reject with StoreUnavailableError while the database cannot be used.
 */
export interface JobRepository {
  /** Of several processes that ask, one gets a job that is due and that nobody holds. */
  take(name: string, owner: string, times: { everyMs: number, leaseMs: number }): Promise<boolean>
  /** Holds it for longer. @returns whether it was held still */
  renew(name: string, owner: string, leaseMs: number): Promise<boolean>
  /** It is due again after its interval. */
  done(name: string, owner: string): Promise<void>
  /** It is due again after this time. */
  giveBack(name: string, owner: string, pauseMs: number): Promise<void>
}

const timeIn = (ms: number): string => new Date(Date.now() + ms).toISOString()
const NEVER = '1970-01-01T00:00:00.000Z'

export function createJobRepository (db: Kysely<StoreSchema>, { write }: RetryPolicy): JobRepository {
  async function update (
    name: string,
    owner: string,
    values: { owner?: null, held_until: string, done_at?: string },
  ): Promise<boolean> {
    const { numUpdatedRows } = await write(() =>
      db.updateTable('jobs').set(values).where('name', '=', name).where('owner', '=', owner).executeTakeFirst(),
    )
    return numUpdatedRows > 0n
  }

  return {
    take: async (name, owner, { everyMs, leaseMs }) => {
      await write(() =>
        db.insertInto('jobs').values({ name, owner: null, held_until: NEVER, done_at: NEVER })
          .onConflict((conflict) => conflict.column('name').doNothing()).execute(),
      )
      const { numUpdatedRows } = await write(() =>
        db.updateTable('jobs').set({ owner, held_until: timeIn(leaseMs) }).where('name', '=', name)
          .where('held_until', '<=', timeIn(0)).where('done_at', '<=', timeIn(-everyMs)).executeTakeFirst(),
      )
      return numUpdatedRows > 0n
    },
    renew: (name, owner, leaseMs) => update(name, owner, { held_until: timeIn(leaseMs) }),
    done: async (name, owner) => {
      await update(name, owner, { owner: null, held_until: NEVER, done_at: timeIn(0) })
    },
    giveBack: async (name, owner, pauseMs) => {
      await update(name, owner, { owner: null, held_until: timeIn(pauseMs) })
    },
  }
}
