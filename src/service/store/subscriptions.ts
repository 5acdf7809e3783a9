import { type Kysely, type SqlBool, sql } from 'kysely'
import { EVENT_COLUMNS, type PlacedEvent, placedEvent } from './events.js'
import type { RetryPolicy } from './retry-policy.js'
import type { StoreSchema } from './schema.js'

/** Who works for a subscriber. A beat that grows no more is of a process that is gone: nobody's clock counts. */
export interface Lease {
  owner: string | null
  beat: number
}

/** An event that was not taken, or waits behind one. */
export interface Undelivered {
  position: number
  identityId: string | null
  attempts: number
  /** When it is tried again; null: when the earlier ones of its identity are done. */
  nextAt: number | null
  /** Tried often enough. */
  isDead?: boolean
  error?: string | undefined
}

export type DueEvent = PlacedEvent & { attempts: number }

/** Another process works for the subscriber now. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError'
}

/**
 * One cursor for each name, and a row for each event behind it that was not taken. All reject with
 * StoreUnavailableError while the database cannot be used; those with an owner with LeaseLostError when it is another.
 */
export interface SubscriptionRepository {
  /** Makes the cursor of a new name, which begins with what is written from now on. */
  lease(name: string): Promise<Lease>
  /** Of several processes that have seen the same lease, one gets it. */
  take(name: string, owner: string, seen: Lease): Promise<boolean>
  renew(name: string, owner: string): Promise<void>
  release(name: string, owner: string): Promise<void>
  /** What is behind the cursor, in order. */
  next(name: string, limit: number): Promise<PlacedEvent[]>
  /** Moves the cursor, together with what is left behind it. */
  advance(name: string, owner: string, position: number, left: readonly Undelivered[]): Promise<void>
  /** Which of these identities have events that wait. */
  waiting(name: string, identityIds: readonly string[]): Promise<string[]>
  due(name: string, now: number, limit: number): Promise<DueEvent[]>
  /** An event that was due was taken. */
  delivered(name: string, owner: string, event: Pick<Undelivered, 'position' | 'identityId'>): Promise<void>
  /** It was not, once more. */
  failed(name: string, owner: string, event: Undelivered): Promise<void>
  /** Lets go what waits for an event that is there no more. */
  freeWaiting(name: string): Promise<void>
}

const timeOf = (ms: number | null): string | null => ms === null ? null : new Date(ms).toISOString()

export function createSubscriptionRepository (
  db: Kysely<StoreSchema>,
  { read, write }: RetryPolicy,
): SubscriptionRepository {
  const cursorOf = (name: string) => db.selectFrom('event_subscribers').select('position').where('name', '=', name)

  /** Holds the row until the transaction ends, so that nobody takes the lease in between. */
  async function whileOwner (
    name: string,
    owner: string,
    work: (transaction: Kysely<StoreSchema>) => Promise<void>,
  ): Promise<void> {
    await write(() =>
      db.transaction().execute(async (transaction) => {
        const { numUpdatedRows } = await transaction.updateTable('event_subscribers').set({ beat: sql`beat + 1` })
          .where('name', '=', name).where('owner', '=', owner).executeTakeFirst()
        if (numUpdatedRows === 0n) throw new LeaseLostError('Another process works for this subscriber')
        await work(transaction)
      }),
    )
  }

  /** The first that waits of an identity may go. */
  async function freeNext (transaction: Kysely<StoreSchema>, name: string, identityId: string | null): Promise<void> {
    if (identityId === null) return
    const first = transaction.selectFrom('event_deliveries').select(({ fn }) => fn.min('position').as('position'))
      .where('name', '=', name).where('identity_id', '=', identityId).where('dead_at', 'is', null)
    await transaction.updateTable('event_deliveries').set({ next_at: timeOf(Date.now()) })
      .where('name', '=', name).where('position', '=', first).where('next_at', 'is', null).execute()
  }

  const rowOf = (name: string, { position, identityId, attempts, nextAt, isDead = false, error }: Undelivered) => ({
    name,
    position,
    identity_id: identityId,
    attempts,
    next_at: timeOf(nextAt),
    dead_at: isDead ? timeOf(Date.now()) : null,
    error: error ?? null,
  })

  return {
    lease: async (name) => {
      const known = () =>
        db.selectFrom('event_subscribers').select(['owner', 'beat']).where('name', '=', name).executeTakeFirst()
      const row = await read(known)
      if (row !== undefined) return { owner: row.owner, beat: Number(row.beat) }
      await write(() =>
        db.insertInto('event_subscribers').columns(['name', 'position', 'owner', 'beat'])
          .expression(({ selectFrom }) =>
            selectFrom('event_counter').where('id', '=', 1).select([
              sql<string>`${name}`.as('name'), 'last', sql<string | null>`null`.as('owner'), sql.lit(0).as('beat'),
            ]),
          )
          .onConflict((conflict) => conflict.column('name').doNothing()).execute(),
      )
      return { owner: null, beat: 0 }
    },
    take: async (name, owner, seen) => {
      const { numUpdatedRows } = await write(() =>
        db.updateTable('event_subscribers').set({ owner, beat: sql`beat + 1` })
          .where('name', '=', name).where('beat', '=', seen.beat)
          .where('owner', seen.owner === null ? 'is' : '=', seen.owner).executeTakeFirst(),
      )
      return numUpdatedRows > 0n
    },
    renew: (name, owner) => whileOwner(name, owner, async () => {}),
    release: async (name, owner) => {
      await write(() =>
        db.updateTable('event_subscribers').set({ owner: null })
          .where('name', '=', name).where('owner', '=', owner).execute(),
      )
    },
    next: async (name, limit) => {
      const rows = await read(() =>
        db.selectFrom('events').select(EVENT_COLUMNS).where('position', '>', cursorOf(name))
          .orderBy('position').limit(limit).execute(),
      )
      return rows.map(placedEvent)
    },
    advance: (name, owner, position, left) =>
      whileOwner(name, owner, async (transaction) => {
        await transaction.updateTable('event_subscribers').set({ position }).where('name', '=', name).execute()
        if (left.length === 0) return
        await transaction.insertInto('event_deliveries').values(left.map((one) => rowOf(name, one)))
          .onConflict((conflict) => conflict.columns(['name', 'position']).doNothing()).execute()
      }),
    waiting: async (name, identityIds) => {
      if (identityIds.length === 0) return []
      const rows = await read(() =>
        db.selectFrom('event_deliveries').select('identity_id').distinct()
          .where('name', '=', name).where('identity_id', 'in', identityIds).where('dead_at', 'is', null).execute(),
      )
      return rows.map(({ identity_id: id }) => String(id))
    },
    due: async (name, now, limit) => {
      const rows = await read(() =>
        db.selectFrom('event_deliveries').innerJoin('events', 'events.position', 'event_deliveries.position')
          .select([...EVENT_COLUMNS, 'event_deliveries.attempts'])
          .where('event_deliveries.name', '=', name).where('event_deliveries.next_at', '<=', timeOf(now))
          .orderBy('event_deliveries.next_at').orderBy('event_deliveries.position').limit(limit).execute(),
      )
      return rows.map(({ attempts, ...event }) => ({ ...placedEvent(event), attempts }))
    },
    delivered: (name, owner, { position, identityId }) =>
      whileOwner(name, owner, async (transaction) => {
        await transaction.deleteFrom('event_deliveries')
          .where('name', '=', name).where('position', '=', position).execute()
        await freeNext(transaction, name, identityId)
      }),
    failed: (name, owner, event) =>
      whileOwner(name, owner, async (transaction) => {
        const { attempts, next_at: nextAt, dead_at: deadAt, error } = rowOf(name, event)
        await transaction.updateTable('event_deliveries').set({ attempts, next_at: nextAt, dead_at: deadAt, error })
          .where('name', '=', name).where('position', '=', event.position).execute()
        if (event.isDead === true) await freeNext(transaction, name, event.identityId)
      }),
    freeWaiting: async (name) => {
      const earlier = sql<SqlBool>`exists (select 1 from event_deliveries as earlier where earlier.name = event_deliveries.name
        and earlier.identity_id = event_deliveries.identity_id and earlier.dead_at is null
        and earlier.position < event_deliveries.position)`
      await write(() =>
        db.updateTable('event_deliveries').set({ next_at: timeOf(Date.now()) }).where('name', '=', name)
          .where('next_at', 'is', null).where('dead_at', 'is', null).where(({ not }) => not(earlier)).execute(),
      )
    },
  }
}
