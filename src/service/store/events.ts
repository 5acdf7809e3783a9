import type { Kysely } from 'kysely'
import type { RetryPolicy } from './retry-policy.js'
import type { EventsTable, StoreSchema } from './schema.js'

export const EVENT_TYPES = [
  'user.created',
  'user.updated',
  'user.deleted',
  'session.started',
  'session.ended',
  'login.failed',
  'second_factor.added',
  'second_factor.removed',
  'second_factor.passed',
  'second_factor.failed',
] as const
export type EventType = typeof EVENT_TYPES[number]

/** The request that caused an event. */
export interface EventOrigin {
  requestId?: string | undefined
  /** The client's, and its /24 or /48. */
  address?: { full: string, network: string } | undefined
}

export interface NewEvent extends EventOrigin {
  type: EventType
  /** By default a new one. Of one id there is one row: another `login.failed` adds to its count. */
  id?: string | undefined
  /** Milliseconds since 1970; default now. */
  at?: number | undefined
  identityId?: string | undefined
  /** A keyed digest. */
  session?: string | undefined
  reason?: string | undefined
  method?: string | undefined
  count?: number | undefined
}

/** As an operator reads it, and a subscriber gets it. */
export interface EventRecord {
  id: string
  type: EventType
  occurred_at: string
  identity_id: string | null
  session: string | null
  /** In full for ADDRESS_DAYS, then its network; null once the identity is deleted. */
  address: string | null
  /** Why a session ended. */
  reason: string | null
  /** Of a login or a second factor. */
  method: string | null
  request_id: string | null
  replica: string
  count: number
}

/** With its place in the order in which events were committed. */
export type PlacedEvent = EventRecord & { position: number }

export interface EventWriter {
  /** In a transaction of the caller, as its last statements: whoever else writes events waits until it ends. */
  write(transaction: Kysely<StoreSchema>, events: readonly NewEvent[]): Promise<void>
}

/** All reject with StoreUnavailableError while the database cannot be used. */
export interface EventRepository {
  /** In one transaction; can be repeated. @param events each id once */
  record(events: readonly NewEvent[]): Promise<void>
  /** Newest first. @param page.before only what is older than that position */
  list(page: { identityId?: string | undefined, before?: number | undefined, limit: number }): Promise<PlacedEvent[]>
  /** Removes events that are older, and addresses that were kept long enough; all of it in portions. */
  prune(days: number): Promise<void>
}

export const DAY_MS = 24 * 60 * 60_000
export const ADDRESS_DAYS = 7
const PRUNE_BATCH = 500

const timeAgo = (ms: number): string => new Date(Date.now() - ms).toISOString()

export const EVENT_COLUMNS = [
  'events.position', 'id', 'type', 'occurred_at', 'events.identity_id', 'session', 'address', 'network', 'reason',
  'method', 'request_id', 'replica', 'count',
] as const

/** Postgres gives a bigint as text. */
export function placedEvent (
  { position, address, network, type, ...rest }: Pick<EventsTable, Exclude<keyof EventsTable, 'address_until'>>,
): PlacedEvent {
  return { ...rest, type: type as EventType, address: address ?? network, position: Number(position) }
}

/** @param eventsDb for `record`, by the writer */
export function createEventRepository (
  db: Kysely<StoreSchema>,
  eventsDb: Kysely<StoreSchema>,
  { read, write }: RetryPolicy,
  { write: insertEvents }: EventWriter,
): EventRepository {
  async function record (events: readonly NewEvent[]): Promise<void> {
    if (events.length === 0) return
    await write(() => eventsDb.transaction().execute((transaction) => insertEvents(transaction, events)))
  }

  async function list (
    { identityId, before, limit }: { identityId?: string | undefined, before?: number | undefined, limit: number },
  ): Promise<PlacedEvent[]> {
    const rows = await read(() =>
      db.selectFrom('events').select(EVENT_COLUMNS)
        .$if(identityId !== undefined, (query) => query.where('identity_id', '=', identityId?.toLowerCase() ?? ''))
        .$if(before !== undefined, (query) => query.where('position', '<', before ?? 0))
        .orderBy('position', 'desc').limit(limit).execute(),
    )
    return rows.map(placedEvent)
  }

  const untilFew = async (some: () => Promise<bigint>): Promise<void> => {
    while (await write(some) >= PRUNE_BATCH);
  }

  async function prune (days: number): Promise<void> {
    await untilFew(async () => {
      const old = await db.selectFrom('events').select('position').where('occurred_at', '<', timeAgo(days * DAY_MS))
        .orderBy('occurred_at').limit(PRUNE_BATCH).execute()
      const positions = old.map(({ position }) => position)
      if (positions.length === 0) return 0n
      await db.deleteFrom('event_deliveries').where('position', 'in', positions).execute()
      const { numDeletedRows } = await db.deleteFrom('events').where('position', 'in', positions).executeTakeFirst()
      return numDeletedRows
    })
    const kept = db.selectFrom('events').select('position').where('address_until', '<', timeAgo(0))
      .orderBy('address_until').limit(PRUNE_BATCH)
    await untilFew(async () => {
      const { numUpdatedRows } = await db.updateTable('events').set({ address: null, address_until: null })
        .where('position', 'in', kept).executeTakeFirst()
      return numUpdatedRows
    })
    // Events that were on their way when their identity was deleted.
    const deleted = db.selectFrom('account_deletions').select('identity_id').where('deleted_at', 'is not', null)
    await write(() => emptyAddresses(db).where('identity_id', 'in', deleted).execute())
  }

  return { record, list, prune }
}

const emptyAddresses = (db: Kysely<StoreSchema>) =>
  db.updateTable('events').set({ address: null, network: null, address_until: null }).where('network', 'is not', null)

/** Nothing is kept of where a deleted identity was. */
export async function forgetAddresses (transaction: Kysely<StoreSchema>, identityId: string): Promise<void> {
  await emptyAddresses(transaction).where('identity_id', '=', identityId).execute()
}
