/** A clock that stands still until it is advanced; waits end when it passes their time. */
export interface ManualClock {
  now: () => number
  /** Resolves when the clock has advanced by `ms`; rejects when `signal` aborts. */
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>
  /** Moves to a time, waking what became due on the way one after the other, each at its own time. */
  advanceTo: (time: number) => Promise<void>
  /** When the next wait ends, if anything waits. */
  nextWake: () => number | undefined
  /** Real time, in milliseconds, since anything last began or ended a wait or called `touch`. */
  quietMs: () => number
  /** Says that something happened which a wait may follow. */
  touch: () => void
}

interface Sleeper { wake: number, resolve: () => void }

/** Long enough, in real time, for a local request that follows a wake-up to arrive. */
const settleMs = 15

/** Above this many wake-ups in one move, as with a long idle loop, the clock no longer waits for what each may cause. */
const settleLimit = 100

/** @param start milliseconds since the epoch */
export function createManualClock (start: number): ManualClock {
  let time = start
  let lastActivity = performance.now()
  const sleepers = new Set<Sleeper>()
  const touch = (): void => { lastActivity = performance.now() }
  const next = (): Sleeper | undefined => [...sleepers].sort((a, b) => a.wake - b.wake)[0]

  async function wakeOne (sleeper: Sleeper, isSettling: boolean): Promise<void> {
    time = Math.max(time, sleeper.wake)
    sleepers.delete(sleeper)
    sleeper.resolve()
    touch()
    await (isSettling ? settle() : nextTurn())
  }

  async function settle (): Promise<void> {
    do await realDelay(settleMs)
    while (performance.now() - lastActivity < settleMs)
  }

  return {
    now: () => time,
    sleep: async (ms, signal) => await new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      if (ms <= 0) { setImmediate(resolve); return }
      const sleeper = { wake: time + ms, resolve }
      sleepers.add(sleeper)
      touch()
      signal?.addEventListener('abort', () => { if (sleepers.delete(sleeper)) reject(signal.reason) }, { once: true })
    }),
    async advanceTo (target) {
      let count = 0
      for (let due = next(); due !== undefined && due.wake <= target; due = next()) await wakeOne(due, ++count <= settleLimit)
      time = Math.max(time, target)
    },
    nextWake: () => next()?.wake,
    quietMs: () => performance.now() - lastActivity,
    touch
  }
}

export const realDelay = async (ms: number): Promise<undefined> => await new Promise((resolve) => { setTimeout(() => { resolve(undefined) }, ms) })

const nextTurn = async (): Promise<void> => await new Promise((resolve) => { setImmediate(resolve) })
