import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type Config, hasEvents, idSecret } from '../../src/config.js'
import type { AuthEvents } from '../../src/http/auth-events.js'
import { createEventMaker } from '../../src/service/events/auth-events.js'
import { createRecorder } from '../../src/service/events/recorder.js'
import { repeat } from '../../src/service/repeat.js'
import { describeStoreError } from '../../src/service/store/errors.js'
import { eventKey } from '../../src/throttling/keys.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Undefined with EVENTS_RETENTION_DAYS=0. */
    events: AuthEvents | undefined
  }
}

/** How often old events and addresses are looked for. */
const PRUNE_INTERVAL_MS = 10 * 60_000

const PENDING = Symbol('events of a request')
type WithPending = FastifyRequest & { [PENDING]: Array<Promise<void>> | null }

export default fp<{ config: Config }>(async function events (app, { config }) {
  const { store, metrics } = app

  /** A failure is told by the next of what is told: nobody waits for it. */
  async function prune (): Promise<void> {
    if (store.isMigrated()) await store.events.prune(config.EVENTS_RETENTION_DAYS)
  }
  // Without events, what is there from before goes once; on Postgres the migration may end later.
  repeat(app, PRUNE_INTERVAL_MS, () => () =>
    prune().catch((error: unknown) => {
      app.log.warn({ event: 'events_kept', cause: describeStoreError(error) }, 'Old events cannot be removed at the moment')
    }))

  if (!hasEvents(config)) {
    app.decorate('events', undefined)
    return
  }

  const { make, sessionKey } = createEventMaker(eventKey(idSecret(config)))
  const recorder = createRecorder({
    write: store.events.record,
    onLost: (count, error) => {
      metrics.recordLostEvents(count)
      if (error !== undefined) app.log.error({ event: 'event_refused', cause: describeStoreError(error) }, 'The database refuses an event')
    },
    onAway: (error) => {
      app.log.warn({ event: 'events_wait', cause: describeStoreError(error) }, 'Events wait until the database can be used')
    },
    onBack: () => app.log.info({ event: 'events_written' }, 'Events that waited are written'),
  })

  app.decorateRequest(PENDING, null)
  app.decorate('events', {
    sessionKey,
    record: (request, event) => {
      const pending = (request as WithPending)[PENDING] ??= []
      pending.push(recorder.record(make(request, event)))
    },
  })
  // After Kratos' answer and before ours.
  app.addHook('onSend', function eventsAreWritten (request, _reply, _payload, done) {
    const pending = (request as WithPending)[PENDING]
    if (pending === null) done()
    else Promise.all(pending).then(() => done(), done)
  })
  // What is under way has been answered by now, and the store closes later.
  app.addHook('onClose', () => recorder.close())
}, { name: 'events', fastify: '5.x', dependencies: ['store', 'metrics'] })
