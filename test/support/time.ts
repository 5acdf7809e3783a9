import { mock } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'

/**
 * Whether work that ends by a timer of this process ends before another timer, which is set after it and runs longer.
 * However busy the machine, timers fire in the order in which they are due.
 */
export async function endsBefore (ms: number, work: () => Promise<unknown>): Promise<boolean> {
  const ended = work().then(() => true)
  const over = new AbortController()
  const late = sleep(ms, false, { signal: over.signal }).catch(() => false)
  return await Promise.race([ended, late]).finally(() => over.abort())
}

/**
 * Timers stand still until the test ends: what happens once a second happens once, however long the machine takes.
 */
export function holdTimers (t: Test): void {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
}
