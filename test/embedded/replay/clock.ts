/** A clock that only moves when it is advanced. Waits end when it passes their time. */
export interface ManualClock {
  now: () => number
  /** Resolves when the clock has advanced by `ms`; rejects when `signal` aborts. */
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>
  /** Moves to a time and ends the waits up to it in order, each at its own time. */
  advanceTo: (time: number) => Promise<void>
  /** When the next wait ends, if there is one. */
  nextWake: () => number | undefined
  /** Real time in milliseconds since the last start or end of a wait, or call of `touch`. */
  quietMs: () => number
  /** Reports an event that a wait may follow. */
  touch: () => void
}

interface Sleeper {
  wake: number
  resolve: () => void
}

/** Real time after which a local request that follows the end of a wait has arrived. */
const settleMs = 15
/** And as many turns of the event loop, which both sides of such a request share. */
const settleTurns = 30

/**
 * After this many ended waits in one move, as in a long idle loop, the clock no longer gives each of them real time.
 */
const settleLimit = 100

/** @param start milliseconds since the epoch */
export function createManualClock (start: number): ManualClock {
  let time = start
  let lastActivity = performance.now()
  const sleepers = new Set<Sleeper>()
  const touch = (): void => {
    lastActivity = performance.now()
  }
  const next = (): Sleeper | undefined => [...sleepers].sort((a, b) => a.wake - b.wake)[0]

  async function wakeOne (sleeper: Sleeper, isSettling: boolean): Promise<void> {
    time = Math.max(time, sleeper.wake)
    sleepers.delete(sleeper)
    sleeper.resolve()
    touch()
    await (isSettling ? settle() : nextTurn())
  }

  async function settle (): Promise<void> {
    do {
      await realDelay(settleMs)
      // On a busy machine that may have been a few turns.
      for (let turn = 0; turn < settleTurns; turn++) await nextTurn()
    } while (performance.now() - lastActivity < settleMs)
  }

  return {
    now: () => time,
    sleep: async (ms, signal) =>
      await new Promise((resolve, reject) => {
        signal?.throwIfAborted()
        if (ms <= 0) {
          setImmediate(resolve)
          return
        }
        const sleeper = { wake: time + ms, resolve }
        sleepers.add(sleeper)
        touch()
        signal?.addEventListener('abort', () => {
          if (sleepers.delete(sleeper)) reject(signal.reason)
        }, { once: true })
      }),
    async advanceTo (target) {
      let count = 0
      for (let due = next(); due !== undefined && due.wake <= target; due = next()) {
        await wakeOne(due, ++count <= settleLimit)
      }
      time = Math.max(time, target)
    },
    nextWake: () => next()?.wake,
    quietMs: () => performance.now() - lastActivity,
    touch,
  }
}

export const realDelay = async (ms: number): Promise<undefined> =>
  await new Promise((resolve) => {
    setTimeout(() => {
      resolve(undefined)
    }, ms)
  })

const nextTurn = async (): Promise<void> =>
  await new Promise((resolve) => {
    setImmediate(resolve)
  })
