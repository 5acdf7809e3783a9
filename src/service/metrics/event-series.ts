import { Counter, type Registry } from 'prom-client'
import type { Metrics } from './metrics.js'

export function createEventSeries (registers: Registry[]): Pick<Metrics, 'recordLostEvents'> {
  const lost = new Counter({
    name: 'events_lost_total',
    help: 'Events that were never written, because too many waited for the database or it refused them',
    registers,
  })
  return { recordLostEvents: (count) => lost.inc(count) }
}
