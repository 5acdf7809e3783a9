import { setImmediate } from 'node:timers/promises'

const QUIET_MS = 0.1

/**
 * Resolves at the end of a turn of the event loop in which there was nothing to do, or after `limitMs` of busy ones.
 * Where a listener closes, the system resets the connections that it has taken and the process not yet, with all that
 * was sent on them: after a quiet turn there are hardly any.
 */
export async function quietTurn (limitMs: number): Promise<void> {
  const end = performance.now() + limitMs
  for (let start = -Infinity, now = 0; now - start > QUIET_MS && now < end;) {
    start = performance.now()
    await setImmediate()
    now = performance.now()
  }
}
