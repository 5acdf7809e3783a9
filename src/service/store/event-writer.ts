import { randomUUID } from 'node:crypto'
import { type CompiledQuery, type Kysely, sql } from 'kysely'
import { ADDRESS_DAYS, DAY_MS, type EventWriter, type NewEvent } from './events.js'
import type { EventsTable, StoreSchema } from './schema.js'

function rowOf (event: NewEvent, replica: string): Omit<EventsTable, 'position'> {
  const { at = Date.now(), address } = event
  return {
    id: event.id ?? randomUUID(),
    type: event.type,
    occurred_at: new Date(at).toISOString(),
    identity_id: event.identityId?.toLowerCase() ?? null,
    session: event.session ?? null,
    address: address?.full ?? null,
    network: address?.network ?? null,
    address_until: address === undefined ? null : new Date(at + ADDRESS_DAYS * DAY_MS).toISOString(),
    reason: event.reason ?? null,
    method: event.method ?? null,
    request_id: event.requestId ?? null,
    replica,
    count: event.count ?? 1,
  }
}

const nextPositions = (db: Kysely<StoreSchema>, count: number) =>
  db.updateTable('event_counter').set({ last: sql`last + ${count}` }).where('id', '=', 1).returning('last')

/** @param positionOf of the event that is so many from the last */
function rowsOf (
  events: readonly NewEvent[],
  replica: string,
  positionOf: (fromLast: number) => unknown,
): EventsTable[] {
  return events.map((event, index) => ({
    ...rowOf(event, replica),
    position: positionOf(events.length - 1 - index) as number,
  }))
}

function insert (db: Pick<Kysely<StoreSchema>, 'insertInto'>, rows: EventsTable[]) {
  return db.insertInto('events').values(rows).onConflict((conflict) =>
    conflict.column('id').doUpdateSet({ count: sql`events.count + excluded.count` })
      .where('excluded.type', '=', 'login.failed'),
  )
}

export interface EventWriterOptions {
  dialect: 'sqlite' | 'postgres'
  replica: string
}

/** One statement, which saves a round trip. */
const postgresWriter = (replica: string): EventWriter => ({
  write: async (transaction, events) => {
    if (events.length === 0) return
    const next = transaction.with('next', (db) => nextPositions(db as Kysely<StoreSchema>, events.length))
    const positionOf = (fromLast: number) => sql`(select last from next) - ${sql.lit(fromLast)}`
    await insert(next, rowsOf(events, replica, positionOf)).execute()
  },
})

/** It has no round trips, and cannot write in a WITH. Compiled once: that takes Kysely as long as SQLite's own work. */
function sqliteWriter (replica: string): EventWriter {
  let compiled: { next: CompiledQuery<{ last: number }>, event: CompiledQuery } | undefined
  return {
    write: async (transaction, events) => {
      if (events.length === 0) return
      const rows = rowsOf(events, replica, () => 0)
      compiled ??= {
        next: nextPositions(transaction, 1).compile(),
        event: insert(transaction, rows.slice(0, 1)).compile(),
      }
      const { next, event } = compiled
      for (const row of rows) {
        const { rows: [counter] } = await transaction.executeQuery(next)
        // The row's values come first, in the order of its columns.
        const values = Object.values({ ...row, position: Number(counter?.last) })
        await transaction.executeQuery({ ...event, parameters: [...values, ...event.parameters.slice(values.length)] })
      }
    },
  }
}

export const createEventWriter = ({ dialect, replica }: EventWriterOptions): EventWriter =>
  dialect === 'postgres' ? postgresWriter(replica) : sqliteWriter(replica)
