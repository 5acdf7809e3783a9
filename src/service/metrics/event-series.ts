import { Counter, Gauge, type Registry } from 'prom-client'
import type { Metrics } from './metrics.js'

type EventSeries = Pick<Metrics, 'recordLostEvents' | 'recordSubscriber' | 'trackBus'>

export function createEventSeries (registers: Registry[]): EventSeries {
  const lost = new Counter({
    name: 'events_lost_total',
    help: 'Events that were never written, because too many waited for the database or it refused them',
    registers,
  })
  const labelNames = ['subscriber']
  const age = new Gauge({
    name: 'event_outbox_age_seconds',
    help: 'How long ago the oldest event happened that a subscriber has not taken, dead letters aside; 0: none',
    labelNames,
    registers,
  })
  const dead = new Gauge({
    name: 'event_dead_letters',
    help: 'Events that a subscriber did not take in all its attempts',
    labelNames,
    registers,
  })
  return {
    recordLostEvents: (count) => lost.inc(count),
    recordSubscriber: (subscriber, state) => {
      age.set({ subscriber }, state.ageMs / 1000)
      dead.set({ subscriber }, state.dead)
    },
    trackBus: (read) => {
      const connected: Gauge = new Gauge({
        name: 'bus_connected',
        help: '1 while this process is connected to the bus between replicas',
        registers,
        collect: (): void => connected.set(read().isConnected ? 1 : 0),
      })
      const silence: Gauge = new Gauge({
        name: 'bus_heartbeat_age_seconds',
        help: 'How long ago the replica was heard, this one included, that was heard longest ago; one beats each second',
        registers,
        collect: (): void => silence.set((read().silenceMs ?? 0) / 1000),
      })
    },
  }
}
