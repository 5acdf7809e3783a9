import fp from 'fastify-plugin'
import { type Config, hasEvents } from '../../src/config.js'
import type { EventHandler } from '../../src/service/events/handler.js'
import { createSubscription, type Subscription } from '../../src/service/events/subscription.js'
import { describeStoreError } from '../../src/service/store/errors.js'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Hands all events to a function, before the service is ready: each at least once, in order for each identity, in
     * one process at a time. One that is refused ten times in 24 hours becomes a dead letter. The name stands for what
     * was handed over already: another name begins with what happens from then on.
     */
    onEvent: (name: string, handler: EventHandler) => void
  }
}

const NAME = /^[a-z0-9][a-z0-9 ._:/-]{0,126}$/i
const STATUS_INTERVAL_MS = 15_000

export default fp<{ config: Config }>(async function subscribers (app, { config }) {
  const { store, metrics, log } = app
  const subscriptions = new Map<string, Subscription>()
  let isStarted = false

  function onEvent (name: string, handler: EventHandler): void {
    if (!hasEvents(config)) throw new Error('There are no events to hand over: EVENTS_RETENTION_DAYS is 0')
    if (!NAME.test(name)) throw new Error(`"${name}" cannot be the name of a subscriber`)
    if (subscriptions.has(name)) throw new Error(`There is a subscriber "${name}" already`)
    if (isStarted) throw new Error(`The subscriber "${name}" comes too late: the service is ready`)
    subscriptions.set(name, createSubscription({
      name,
      handler,
      store: store.subscriptions,
      onFailure: ({ event: { id, type }, attempt, error, isDead }) =>
        log[isDead ? 'error' : 'warn'](
          { event: isDead ? 'event_dead' : 'event_not_taken', subscriber: name, id, type, attempt, error },
          isDead ? 'A subscriber did not take an event, and it is not tried again' : 'A subscriber did not take an event',
        ),
      onTrouble: (error) =>
        log.warn(
          { event: 'subscriber_waits', subscriber: name, cause: describeStoreError(error) },
          'A subscriber waits until the database can be used',
        ),
    }))
  }
  app.decorate('onEvent', onEvent)

  async function lookAt (name: string): Promise<void> {
    const { oldest, dead } = await store.deadLetters.status(name)
    metrics.recordSubscriber(name, { ageMs: oldest === undefined ? 0 : Date.now() - Date.parse(oldest), dead })
  }

  let timer: NodeJS.Timeout | undefined
  app.addHook('onReady', (done) => {
    isStarted = true
    for (const { start } of subscriptions.values()) start()
    if (subscriptions.size > 0) {
      timer = setInterval(() => {
        for (const name of subscriptions.keys()) lookAt(name).catch(() => {})
      }, STATUS_INTERVAL_MS).unref()
    }
    done()
  })
  app.addHook('preClose', async () => {
    clearInterval(timer)
    await Promise.all([...subscriptions.values()].map(({ stop }) => stop()))
  })
}, { name: 'subscribers', fastify: '5.x', dependencies: ['store', 'metrics'] })
