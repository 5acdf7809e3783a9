import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Whether work that ends by a timer of this process ends before another timer, which is set after it and runs longer.
 * However busy the machine, timers fire in the order in which they are due.
 */
export async function endsBefore (ms: number, work: () => Promise<unknown>): Promise<boolean> {
  const ended = work().then(() => true)
  return await Promise.race([ended, sleep(ms, false)])
}
