import { setTimeout as sleep } from 'node:timers/promises'

/** Far more than anything takes, also on a machine that is busy with other things. */
const LONGEST_MS = 60_000

/** Until it holds; each look takes a turn. @throws what never comes must not keep the suite */
export async function until (holds: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + LONGEST_MS
  while (!await holds()) {
    if (performance.now() > deadline) throw new Error(`waited for a minute: ${String(holds)}`)
    await sleep(10)
  }
}
