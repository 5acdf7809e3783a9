import type { FastifyRequest } from 'fastify'
import { LRUCache } from 'lru-cache'
import { atMostEntries } from '../lru.js'

/** What is forgotten is logged once more. */
const MAX_KEYS = 10_000

/** True once in so many milliseconds for each key. */
export function createOncePer (ms: number): (key: string) => boolean {
  const logged = new LRUCache<string, true>({ ...atMostEntries(MAX_KEYS), ttl: ms })
  return (key) => {
    if (logged.has(key)) return false
    logged.set(key, true)
    return true
  }
}

/** How many lines one stands for; empty for a line of its own. */
export type Count = { count?: number }
type Log = (count: Count) => void

/** The first line at once, the others of its window as one more with their number: a flood would hide all else. */
export function createCountedLog (ms: number): (key: string, log: Log) => void {
  const windows = new Map<string, { log: Log, count: number }>()

  function close (key: string): void {
    const window = windows.get(key)
    windows.delete(key)
    if (window === undefined || window.count === 0) return
    window.log(window.count === 1 ? {} : { count: window.count })
    open(key)
  }

  function open (key: string): void {
    windows.set(key, { log: () => {}, count: 0 })
    setTimeout(close, ms, key).unref()
  }

  return (key, log) => {
    const window = windows.get(key)
    if (window === undefined) {
      log({})
      if (windows.size < MAX_KEYS) open(key)
      return
    }
    window.count++
    window.log = log
  }
}

const ONE_SECOND_MS = 1000
/** By Node's server, which all scopes of an app have in common. */
const countedLogs = new WeakMap<object, ReturnType<typeof createCountedLog>>()

/** For what a client can cause at will: one line a second of one kind and one address, with a count. */
export function logCounted ({ server: { server }, ip }: FastifyRequest, kind: string, log: Log): void {
  const counted = countedLogs.get(server) ?? createCountedLog(ONE_SECOND_MS)
  countedLogs.set(server, counted)
  counted(`${kind} ${ip}`, log)
}
