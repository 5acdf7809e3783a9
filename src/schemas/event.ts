import { Type } from '@sinclair/typebox'
import { UuidSchema } from './flow.js'
import { CLEAN_TEXT } from './text.js'

const text = (description?: string) =>
  Type.Union([Type.String(), Type.Null()], description === undefined ? {} : { description })

export const EventSchema = Type.Object({
  id: Type.String(),
  type: Type.String({ description: 'user.created, session.ended, …' }),
  occurred_at: Type.String(),
  identity_id: text(),
  session: text('the same for all events of one session, and no way to it'),
  address: text("the client's; after a week its /24 or /48, after a deletion none"),
  reason: text('why a session ended: logout, revoked, password_changed, deleted'),
  method: text('of a login or a second factor'),
  request_id: text(),
  replica: Type.String(),
  count: Type.Integer({ description: 'login.failed: as many from this address in this minute' }),
})

/** A place in the order of events. */
const CursorSchema = Type.String({ pattern: '^\\d{1,15}$' })

export const EventQuerySchema = Type.Object({
  identity: Type.Optional(UuidSchema),
  cursor: Type.Optional(CursorSchema),
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
}, { additionalProperties: true })

export const EventListSchema = Type.Object({
  events: Type.Array(EventSchema),
  next_cursor: Type.Union([Type.String(), Type.Null()]),
})

/** A place in the order of dead letters: of the event, and then of the subscriber. */
const DeadLetterCursorSchema = Type.String({ pattern: '^\\d{1,15}:[ -~]{1,127}$' })

const SubscriberSchema = Type.String({ minLength: 1, maxLength: 127, pattern: CLEAN_TEXT })

export const DeadLetterQuerySchema = Type.Object({
  subscriber: Type.Optional(SubscriberSchema),
  cursor: Type.Optional(DeadLetterCursorSchema),
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
}, { additionalProperties: true })

export const DeadLetterListSchema = Type.Object({
  dead_letters: Type.Array(Type.Object({
    subscriber: Type.String(),
    attempts: Type.Integer(),
    died_at: Type.String(),
    error: text('of the last attempt: a code or the name of an error'),
    event: EventSchema,
  })),
  next_cursor: Type.Union([Type.String(), Type.Null()]),
})

export const ReplaySchema = Type.Object({
  subscriber: SubscriberSchema,
  event_id: Type.Optional(UuidSchema),
}, { additionalProperties: false })

export const ReplayedSchema = Type.Object({ replayed: Type.Integer() })
