import { trackedKinds, type Kind } from './tokens.js'

/**
 * What a recorded value is called in this run: recorded and live values pair up when they meet at the same place of an
 * answer. Within a tracked kind the pairing has to stay one to one, which is how equality is compared although the
 * values differ per run.
 */
export interface Ledger {
  /** Pairs two values; returns false when one of them was already paired with another (equality differs). */
  pair: (kind: Kind, recorded: string, live: string) => boolean
  toLive: (kind: Kind, recorded: string) => string | undefined
  toRecorded: (kind: Kind, live: string) => string | undefined
  /** Whether a recorded value of any kind has a live partner. */
  knows: (recorded: string) => boolean
  /** All pairs, for replacing inside of strings. */
  pairs: () => Iterable<[recorded: string, live: string]>
  /** Numbered placeholder for a recorded value, in order of first appearance. */
  nameOf: (kind: Kind, recorded: string) => string
}

export function createLedger (): Ledger {
  const toLive = new Map<string, string>()
  const toRecorded = new Map<string, string>()
  const names = new Map<string, string>()
  const counts = new Map<Kind, number>()
  const plain = new Map<string, string>()

  function remember (kind: Kind, recorded: string, live: string): void {
    toLive.set(keyOf(kind, recorded), live)
    toRecorded.set(keyOf(kind, live), recorded)
    // page tokens are ids as well, and mean a position: they are substituted by their own kind only
    if (kind !== 'page-token') plain.set(recorded, live)
  }

  function pairTracked (kind: Kind, recorded: string, live: string): boolean {
    const knownLive = toLive.get(keyOf(kind, recorded))
    const knownRecorded = toRecorded.get(keyOf(kind, live))
    if (knownLive === live && knownRecorded === recorded) return true
    // a live value seen for the first time replaces the old partner, so that one difference is not reported for ever
    if (knownRecorded === undefined) remember(kind, recorded, live)
    return knownLive === undefined && knownRecorded === undefined
  }

  return {
    pair (kind, recorded, live) {
      if (trackedKinds.has(kind)) return pairTracked(kind, recorded, live)
      remember(kind, recorded, live)
      return true
    },
    toLive: (kind, recorded) => toLive.get(keyOf(kind, recorded)),
    toRecorded: (kind, live) => toRecorded.get(keyOf(kind, live)),
    knows: (recorded) => plain.has(recorded),
    pairs: () => plain.entries(),
    nameOf (kind, recorded) {
      const key = keyOf(kind, recorded)
      const name = names.get(key) ?? `<${kind} ${(counts.get(kind) ?? 0) + 1}>`
      if (!names.has(key)) {
        names.set(key, name)
        counts.set(kind, (counts.get(kind) ?? 0) + 1)
      }
      return name
    }
  }
}

const keyOf = (kind: Kind, value: string): string => `${kind} ${value}`
