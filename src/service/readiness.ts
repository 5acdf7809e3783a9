import type { Part } from '../config-schema.js'

/** Balancers ask every few seconds, and anybody may ask as often as they like. */
const REMEMBERED_MS = 1000

export interface ReadinessOptions {
  /** One that rejects cannot be used. */
  checks: Record<Part, () => Promise<boolean>>
  /** Told of the parts that are missing, each time they are others than before. */
  onChange: (degraded: Part[]) => void
  now?: () => number
}

/** One look-up at a time, whose answer holds for a second: however many ask, Kratos and the database are asked once. */
export function createReadiness (
  { checks, onChange, now = () => performance.now() }: ReadinessOptions,
): () => Promise<Part[]> {
  const parts = Object.keys(checks) as Part[]
  let known: Part[] = []
  let validUntil = -Infinity
  let pending: Promise<Part[]> | undefined

  async function look (): Promise<Part[]> {
    const usable = await Promise.all(parts.map((part) => checks[part]().catch(() => false)))
    const degraded = parts.filter((_, index) => !usable[index])
    if (degraded.join() !== known.join()) onChange(degraded)
    known = degraded
    validUntil = now() + REMEMBERED_MS
    pending = undefined
    return degraded
  }

  return async function degradedParts () {
    if (now() < validUntil) return known
    pending ??= look()
    return await pending
  }
}
