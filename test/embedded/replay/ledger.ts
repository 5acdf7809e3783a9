import { trackedKinds, type Kind } from './tokens.js'

/**
 * Pairs recorded values with those of this run, when they occur at the same place of an answer. Pairs of a tracked kind
 * must be one to one: so equality of values is compared although the values differ per run.
 */
export interface Ledger {
  /** Pairs two values. Returns false when one of them already has another partner. */
  pair: (kind: Kind, recorded: string, live: string) => boolean
  toLive: (kind: Kind, recorded: string) => string | undefined
  toRecorded: (kind: Kind, live: string) => string | undefined
  /** Whether a recorded value of any kind has a partner. */
  knows: (recorded: string) => boolean
  /** All pairs, for replacing inside strings. */
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
    // Page tokens are also ids, but mean a position: they are only substituted by their own kind.
    if (kind !== 'page-token') plain.set(recorded, live)
  }

  function pairTracked (kind: Kind, recorded: string, live: string): boolean {
    const knownLive = toLive.get(keyOf(kind, recorded))
    const knownRecorded = toRecorded.get(keyOf(kind, live))
    if (knownLive === live && knownRecorded === recorded) return true
    // A new live value replaces the old partner, so that one difference is not reported again and again.
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
    },
  }
}

const keyOf = (kind: Kind, value: string): string => `${kind} ${value}`
