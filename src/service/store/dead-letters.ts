import { type Kysely, sql } from 'kysely'
import { EVENT_COLUMNS, type EventRecord, placedEvent } from './events.js'
import type { RetryPolicy } from './retry-policy.js'
import type { StoreSchema } from './schema.js'

/** One event may be the dead letter of several subscribers. */
export interface DeadLetterPlace {
  subscriber: string
  position: number
}

/** An event that a subscriber did not take in all its attempts. */
export interface DeadLetter extends DeadLetterPlace {
  attempts: number
  died_at: string
  /** Of the last attempt: a code or the name of an error, never its text. */
  error: string | null
  event: EventRecord
}

export interface SubscriberStatus {
  /** When the oldest event happened that is not delivered, and not dead. */
  oldest: string | undefined
  dead: number
}

/** All reject with StoreUnavailableError while the database cannot be used. */
export interface DeadLetterRepository {
  /** Of one subscriber or all, in the order of events. @param page.after only what comes behind that one */
  list(
    page: { subscriber?: string | undefined, after?: DeadLetterPlace | undefined, limit: number },
  ): Promise<DeadLetter[]>
  /** They are tried anew, as if for the first time: all of a subscriber, or one. @returns how many */
  replay(subscriber: string, eventId?: string): Promise<number>
  status(subscriber: string): Promise<SubscriberStatus>
}

export function createDeadLetterRepository (
  db: Kysely<StoreSchema>,
  { read, write }: RetryPolicy,
): DeadLetterRepository {
  return {
    list: async ({ subscriber, after = { position: 0, subscriber: '' }, limit }) => {
      const rows = await read(() =>
        db.selectFrom('event_deliveries').innerJoin('events', 'events.position', 'event_deliveries.position')
          .select([...EVENT_COLUMNS, 'event_deliveries.name', 'attempts', 'error', 'dead_at'])
          .where('dead_at', 'is not', null)
          .where((eb) => eb(
            eb.refTuple('event_deliveries.position', 'event_deliveries.name'), '>', eb.tuple(after.position, after.subscriber),
          ))
          .$if(subscriber !== undefined, (query) => query.where('event_deliveries.name', '=', subscriber ?? ''))
          .orderBy('event_deliveries.position').orderBy('event_deliveries.name').limit(limit).execute(),
      )
      return rows.map(({ name, attempts, error, dead_at: diedAt, ...event }) => {
        const { position, ...record } = placedEvent(event)
        return { subscriber: name, position, attempts, died_at: diedAt ?? '', error, event: record }
      })
    },
    replay: async (subscriber, eventId) => {
      const one = db.selectFrom('events').select('position').where('id', '=', eventId ?? '')
      const { numUpdatedRows } = await write(() =>
        db.updateTable('event_deliveries').set({ attempts: 0, dead_at: null, next_at: new Date().toISOString() })
          .where('name', '=', subscriber).where('dead_at', 'is not', null)
          .$if(eventId !== undefined, (query) => query.where('position', 'in', one)).executeTakeFirst(),
      )
      return Number(numUpdatedRows)
    },
    status: async (subscriber) => {
      const cursor = db.selectFrom('event_subscribers').select('position').where('name', '=', subscriber)
      const [next, waiting, dead] = await Promise.all([
        read(() =>
          db.selectFrom('events').select('occurred_at').where('position', '>', cursor)
            .orderBy('position').limit(1).executeTakeFirst(),
        ),
        read(() =>
          db.selectFrom('event_deliveries').innerJoin('events', 'events.position', 'event_deliveries.position')
            .select('occurred_at').where('event_deliveries.name', '=', subscriber).where('dead_at', 'is', null)
            .orderBy('event_deliveries.position').limit(1).executeTakeFirst(),
        ),
        read(() =>
          db.selectFrom('event_deliveries').select(sql<number | string>`count(*)`.as('count'))
            .where('name', '=', subscriber).where('dead_at', 'is not', null).executeTakeFirst(),
        ),
      ])
      const [oldest] = [next, waiting].flatMap((row) => row === undefined ? [] : [row.occurred_at]).sort()
      return { oldest, dead: Number(dead?.count ?? 0) }
    },
  }
}
