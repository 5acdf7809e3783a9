const TIME = '2026-03-01T09:30:00Z'
const ok = (data: unknown) => ({ success: true, data })

const EVENT = {
  id: '5a1c8d1e-0d6f-4b8a-9f56-0c1f2f6a7e11',
  type: 'session.ended',
  occurred_at: TIME,
  identity_id: '77d1b512-3207-4f23-81ed-7fd35915a4f0',
  session: 'mJ1vVbY0u3jv0b3sF7pQ5Yb1qv0m3o7y2f4n6d8h0kA',
  address: '203.0.113.7',
  reason: 'logout',
  method: null,
  request_id: 'req-1',
  replica: 'service-0.1',
  count: 1,
}

export const OPERATOR_OPERATIONS = {
  listDeadLetters: {
    description: 'Events that a subscriber did not take in ten attempts over 24 hours, oldest first.',
    answer: ok({
      dead_letters: [{ subscriber: 'mail', attempts: 10, died_at: TIME, error: 'ECONNREFUSED', event: EVENT }],
      next_cursor: null,
    }),
  },
  replayDeadLetters: {
    description: 'They are tried again, ten times as before: all of a subscriber, or with `event_id` one.',
    body: { subscriber: 'mail' },
    answer: ok({ replayed: 1 }),
  },
  listEvents: {
    description: 'The audit log, newest first: of one identity, or of all. It names no e-mail and no session token; ' +
      '`session` is the same for all events of one session. `next_cursor` leads to older ones.',
    answer: ok({
      events: [EVENT],
      next_cursor: '41',
    }),
  },
}
