import { performance } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'

const LOOK_MS = 2000
/** Less of the time than timers, probes of health and a few requests take. */
const IDLE_UTILIZATION = 0.05
/** Quiet looks, one after the other, until the process counts as idle. */
const IDLE_LOOKS = 6

/**
 * Gives the memory of a burst back within half a minute. V8 by itself collects the garbage of the old generation in a
 * quiet process only if what it allocated before was little for the time since, which may never be. With
 * `--optimize-for-size` it does so without that (src/heap/memory-reducer.cc), and forgets the hidden classes of all
 * that is not there just now: code that was compiled for them takes a tenth more time from then on. So it is set only
 * while there has been hardly any work for a while. Figures: bench/README.md.
 */
export function favourMemoryWhileIdle (): void {
  let before = performance.eventLoopUtilization()
  let quietLooks = 0
  setInterval(() => {
    const now = performance.eventLoopUtilization()
    const isQuiet = performance.eventLoopUtilization(now, before).utilization < IDLE_UTILIZATION
    quietLooks = isQuiet ? quietLooks + 1 : 0
    setFlagsFromString(quietLooks >= IDLE_LOOKS ? '--optimize-for-size' : '--no-optimize-for-size')
    before = now
  }, LOOK_MS).unref()
}
