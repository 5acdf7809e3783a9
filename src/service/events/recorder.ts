import { StoreUnavailableError } from '../store/errors.js'
import type { NewEvent } from '../store/events.js'

export interface RecorderOptions {
  /** Stores them all or none. */
  write: (events: NewEvent[]) => Promise<void>
  /** Told how many events are lost for ever. */
  onLost: (count: number, error?: unknown) => void
  /** The store cannot take events, or takes them again. */
  onAway?: (error: unknown) => void
  onBack?: () => void
  /** Events that may wait for the store. */
  maxWaiting?: number
  /** How long an answer waits for its event. */
  waitMs?: number
  /** Until a store that failed is tried again. */
  pauseMs?: number
}

export interface Recorder {
  /** Resolves when the event is stored, or is not worth waiting for any longer; never rejects. */
  record: (event: NewEvent & { id: string }) => Promise<void>
  /** Tries once more to store what waits; what cannot be is lost. */
  close: () => Promise<void>
}

interface Waiting {
  event: NewEvent & { id: string }
  settle: () => void
}

const MAX_WAITING = 10_000
const WAIT_MS = 200
const PAUSE_MS = 1000
/** In one statement. */
const BATCH = 500

/**
 * Events that no transaction of ours can carry, because what they tell of happened at Kratos. One is written at once;
 * those that come meanwhile are written together.
 */
export function createRecorder (options: RecorderOptions): Recorder {
  const { write, onLost, onAway = () => {}, onBack = () => {} } = options
  const { maxWaiting = MAX_WAITING, waitMs = WAIT_MS, pauseMs = PAUSE_MS } = options
  // By id. No Map: V8 links the tables that a Map outgrows, and so keeps what was in them until a full collection.
  let queue: Record<string, Waiting> = {}
  let queued = 0
  let writing: Promise<void> | undefined
  let retry: NodeJS.Timeout | undefined
  let isAway = false

  /** Of one id there is one event: the other adds to its count. */
  function enqueue ({ event, settle }: Waiting): void {
    const known = queue[event.id]
    if (known === undefined) {
      queue[event.id] = { event, settle }
      queued++
      return
    }
    const count = (known.event.count ?? 1) + (event.count ?? 1)
    queue[event.id] = {
      event: { ...known.event, count },
      settle: () => {
        known.settle()
        settle()
      },
    }
  }

  function takeAll (): Waiting[] {
    const all = Object.values(queue)
    queue = {}
    queued = 0
    return all
  }

  function takeBatch (): Waiting[] {
    const all = takeAll()
    all.slice(BATCH).forEach(enqueue)
    return all.slice(0, BATCH)
  }

  /** An event that the database refuses, which is a bug of ours, must not keep the others from being stored. */
  async function writeEach (batch: Waiting[]): Promise<void> {
    for (const { event } of batch) {
      try {
        await write([event])
      } catch (error) {
        if (error instanceof StoreUnavailableError) throw error
        onLost(event.count ?? 1, error)
      }
    }
  }

  async function writeBatch (batch: Waiting[]): Promise<void> {
    try {
      await write(batch.map(({ event }) => event))
    } catch (error) {
      if (error instanceof StoreUnavailableError) throw error
      await writeEach(batch)
    }
  }

  function putBack (batch: Waiting[], error: unknown): void {
    const later = takeAll()
    for (const waiting of [...batch, ...later]) enqueue({ event: waiting.event, settle: () => {} })
    for (const { settle } of [...batch, ...later]) settle()
    if (!isAway) onAway(error)
    isAway = true
    retry = setTimeout(flush, pauseMs).unref()
  }

  async function drain (): Promise<void> {
    for (let batch = takeBatch(); batch.length > 0; batch = takeBatch()) {
      try {
        await writeBatch(batch)
      } catch (error) {
        return putBack(batch, error)
      }
      if (isAway) onBack()
      isAway = false
      for (const { settle } of batch) settle()
    }
  }

  function flush (): Promise<void> {
    clearTimeout(retry)
    writing ??= drain().finally(() => {
      writing = undefined
      // One that came between the last look and this moment.
      if (queued > 0 && !isAway) flush()
    })
    return writing
  }

  function record (event: NewEvent & { id: string }): Promise<void> {
    if (queued >= maxWaiting && queue[event.id] === undefined) {
      onLost(event.count ?? 1)
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, waitMs)
      enqueue({
        event,
        settle: () => {
          clearTimeout(timer)
          resolve()
        },
      })
      if (isAway) {
        // A store that has just failed is not waited for.
        clearTimeout(timer)
        resolve()
      } else {
        flush()
      }
    })
  }

  async function close (): Promise<void> {
    await writing
    if (queued > 0) await flush()
    clearTimeout(retry)
    const lost = takeAll().reduce((sum, { event }) => sum + (event.count ?? 1), 0)
    if (lost > 0) onLost(lost)
  }

  return { record, close }
}
