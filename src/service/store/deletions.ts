import { sql, type Kysely } from 'kysely'
import { type EventOrigin, type EventWriter, forgetAddresses } from './events.js'
import type { RetryPolicy } from './retry-policy.js'
import type { StoreSchema } from './schema.js'
import { deleteDocuments } from './users.js'
import { toCanonicalUuid } from './values.js'

const DAY_MS = 24 * 60 * 60_000
/** How long an id that was deleted is remembered: longer than any delivery or upload that had begun can be late. */
export const TOMBSTONE_DAYS = 30

/** To delete an identity. */
export interface Attempt {
  readonly identityId: string
  /** When it began: the last one counts. */
  readonly at: string
}

/**
 * In three steps that a crash may part (docs/decisions/0026): written down, deleted at Kratos, then rows and tombstone
 * in one transaction.
 * All reject with StoreUnavailableError while the database cannot be used.
 */
export interface DeletionRepository {
  /**
   * Before Kratos is asked to delete the identity. Undefined where a request before has asked for it: what became of
   * that one nobody knows yet, so this one cannot be withdrawn.
   */
  begin(identityId: string): Promise<Attempt | undefined>
  /** The identity lives on; changes nothing once somebody else has begun again. */
  withdraw(attempt: Attempt): Promise<void>
  /** Removes all rows of an identity, its addresses in events too, and leaves a tombstone; can be repeated. */
  finish(identityId: string, origin?: Pick<EventOrigin, 'requestId'>): Promise<void>
  /** A deletion that nobody has worked on for so long, if any; of several processes that ask, one gets it. */
  takeOver(olderThanMs: number): Promise<Attempt | undefined>
  /** Within the last TOMBSTONE_DAYS. */
  isDeleted(identityId: string): Promise<boolean>
  /** Removes older tombstones. */
  forgetOld(): Promise<void>
}

const timeAgo = (ms: number): string => new Date(Date.now() - ms).toISOString()

/** @param events undefined: none are written */
export function createDeletionRepository (
  db: Kysely<StoreSchema>,
  { read, write }: RetryPolicy,
  events?: EventWriter | undefined,
): DeletionRepository {
  async function begin (identityId: string): Promise<Attempt | undefined> {
    const [id, now] = [toCanonicalUuid(identityId), timeAgo(0)]
    const row = { identity_id: id, requested_at: now, attempted_at: now, deleted_at: null }
    const written = await write(() =>
      db.insertInto('account_deletions').values(row)
        .onConflict((conflict) => conflict.column('identity_id').doUpdateSet({ attempted_at: now }))
        .returning('requested_at').executeTakeFirst(),
    )
    return written?.requested_at === now ? { identityId: id, at: now } : undefined
  }

  async function withdraw ({ identityId, at }: Attempt): Promise<void> {
    await write(() =>
      db.deleteFrom('account_deletions')
        .where('identity_id', '=', identityId).where('attempted_at', '=', at).where('deleted_at', 'is', null).execute(),
    )
  }

  async function finish (identityId: string, { requestId }: Pick<EventOrigin, 'requestId'> = {}): Promise<void> {
    const id = toCanonicalUuid(identityId)
    await deleteDocuments(db, write, id)
    await write(() =>
      db.transaction().execute(async (transaction) => {
        const now = timeAgo(0)
        // The tombstone first: whoever waits for the row finds it as soon as the row is gone.
        const tombstone = await transaction.insertInto('account_deletions')
          .values({ identity_id: id, requested_at: now, attempted_at: now, deleted_at: now })
          .onConflict((conflict) =>
            conflict.column('identity_id').doUpdateSet({ deleted_at: now }).where('account_deletions.deleted_at', 'is', null),
          ).returning('identity_id').executeTakeFirst()
        // Documents that came meanwhile go with their owner.
        const user = await transaction.deleteFrom('users').where('identity_id', '=', id).executeTakeFirst()
        await forgetAddresses(transaction, id)
        if (tombstone === undefined && user.numDeletedRows === 0n) return
        await events?.write(transaction, [{ type: 'user.deleted', identityId: id, requestId }])
      }),
    )
  }

  async function takeOver (olderThanMs: number): Promise<Attempt | undefined> {
    const [before, now] = [timeAgo(olderThanMs), timeAgo(0)]
    const oldest = db.selectFrom('account_deletions').select('identity_id')
      .where('deleted_at', 'is', null).where('attempted_at', '<', before).orderBy('attempted_at').limit(1)
    const row = await write(() =>
      db.updateTable('account_deletions').set({ attempted_at: now })
        .where('identity_id', 'in', oldest)
        // Looked at again once the row is locked: another process may have been faster.
        .where('attempted_at', '<', before)
        .returning('identity_id').executeTakeFirst(),
    )
    return row && { identityId: row.identity_id, at: now }
  }

  async function isDeleted (identityId: string): Promise<boolean> {
    const row = await read(() =>
      db.selectFrom('account_deletions').select(sql<number>`1`.as('found'))
        .where('identity_id', '=', identityId.toLowerCase()).where('deleted_at', 'is not', null).executeTakeFirst(),
    )
    return row !== undefined
  }

  async function forgetOld (): Promise<void> {
    await write(() =>
      db.deleteFrom('account_deletions').where('deleted_at', '<', timeAgo(TOMBSTONE_DAYS * DAY_MS)).execute(),
    )
  }

  return { begin, withdraw, finish, takeOver, isDeleted, forgetOld }
}
