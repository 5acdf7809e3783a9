import { realDelay } from './clock.js'
import type { Run } from './run.js'
import type { Answer, Exchange, HookCall } from './types.js'

/** Real time without any event after which a wait that the recording explains is cut short. */
const quietMs = 30

/** The same for a wait that the recording does not explain, and for calls that do not arrive. */
const unexplainedQuietMs = 1500

/** Recorded calls arrived that much later than the end of the waits before them. */
const hookDelayMs = 200

/**
 * Moves the clock during a request while the server waits, between attempts or for a hook: within the recorded duration
 * at once, beyond it only after a long time without events.
 */
export async function whileWaiting (answer: Promise<Answer>, run: Run, exchange: Exchange): Promise<Answer> {
  const { clock, target } = run
  const start = clock.now()
  const limit = start + (exchange.elapsed_ms ?? 0) + 50
  for (;;) {
    const live = await Promise.race([answer, realDelay(10)])
    if (live !== undefined) return live
    const wake = clock.nextWake()
    if (wake === undefined) continue
    const due = callsOf(run, exchange).filter(({ at_ms: atMs }) => start + atMs <= clock.now() + hookDelayMs).length
    const isExplained = wake <= limit && target.callsDuring(exchange.step).length >= due
    if (clock.quietMs() >= (isExplained ? quietMs : unexplainedQuietMs)) await clock.advanceTo(wake)
  }
}

/**
 * Moves the clock from one exchange to the next. Meanwhile hooks that are not awaited are called and retried; each call
 * is waited for, so that the waits between them are measured correctly.
 */
export async function advanceBetween (run: Run, last: Exchange | undefined, time: number): Promise<void> {
  const { clock, target } = run
  if (last !== undefined) {
    const start = target.since()
    for (const [index, call] of callsOf(run, last).entries()) {
      await clock.advanceTo(start + call.at_ms)
      await until(() => target.callsDuring(last.step).length > index && clock.quietMs() > quietMs)
    }
  }
  await clock.advanceTo(time)
}

async function until (condition: () => boolean): Promise<void> {
  const end = performance.now() + unexplainedQuietMs
  while (!condition() && performance.now() < end) await realDelay(5)
}

function callsOf ({ recording }: Run, { step }: Exchange): HookCall[] {
  return recording.webhook_calls?.find(({ during }) => during === step)?.calls ?? []
}
