import { isRecord, type JsonObject } from '../kratos-client/kratos-body.js'
import { isUuid } from '../patterns.js'
import { userOf } from '../profile.js'
import { type KratosAdmin, KratosAwayError } from './admin/kratos-admin.js'
import { InvalidValueError } from './store/errors.js'
import type { InventoryRow } from './store/inventory.js'
import type { Store } from './store/store.js'
import type { TraitPointers } from '../kratos-client/traits.js'
import { normaliseTimestamp } from './store/timestamps.js'

/**
 * How a row and its identity can differ: `missing`: no row; `stale`: the row is older; `orphaned`: no identity;
 * `buried`: taken for deleted, and alive; `unusable`: an identity that no row can hold.
 */
export const DRIFTS = ['missing', 'stale', 'orphaned', 'buried', 'unusable'] as const
export type Drift = typeof DRIFTS[number]

/** More rows without an identity, and the Kratos that was asked is taken for another one. */
export const MAX_ORPHANS_PERCENT = 5

export interface ReconcileOptions {
  kratos: Pick<KratosAdmin, 'page' | 'has'>
  store: Pick<Store, 'users' | 'deletions' | 'inventory'>
  /** Where the columns of a row are among the traits. */
  traits: TraitPointers
  fix: boolean
  deleteOrphans: boolean
  /** Only identities that changed since then, in RFC 3339; rows without an identity are then not looked for. */
  since?: string | undefined
  /** Begins behind this id, where an earlier run ended. */
  after?: string | undefined
  /** Most rows without an identity, in percent of those seen, before this is taken for another Kratos. */
  maxOrphansPercent: number
  onDrift: (drift: Drift, identityId: string) => void
  onProgress: (seen: number, lastId: string) => void
  signal: AbortSignal
}

export interface Reconciled {
  identities: number
  found: Record<Drift, number>
  repaired: number
  /** Where the walk ended, when it was ended. */
  stoppedAfter: string | undefined
}

/** Differences that were found and are there still. */
export const leftOver = ({ found, repaired }: Reconciled): number =>
  DRIFTS.reduce((sum, drift) => sum + found[drift], 0) - repaired

/** The walk cannot be trusted, so that nothing more is concluded from it. */
export class ReconcileAbortedError extends Error {
  override readonly name = 'ReconcileAbortedError'
}

const ROWS_AT_ONCE = 1000
const WRITES_AT_ONCE = 8
const PROGRESS_EVERY = 5000

type Identity = JsonObject & { id: string }

/** Both sides are walked in the order of their ids, so only a page of each is held. */
export async function reconcile (options: ReconcileOptions): Promise<Reconciled> {
  const { kratos, store, traits, fix, deleteOrphans, since, maxOrphansPercent, onDrift, onProgress, signal } = options
  const found = Object.fromEntries(DRIFTS.map((drift) => [drift, 0])) as Record<Drift, number>
  const sinceTime = since === undefined ? undefined : normaliseTimestamp(since)
  const orphans: string[] = []
  let rows = 0
  let identities = 0
  let repaired = 0

  function note (drift: Drift, id: string): void {
    found[drift]++
    onDrift(drift, id)
  }

  async function repair (work: () => Promise<unknown>): Promise<void> {
    if (!fix) return
    await work()
    repaired++
  }

  async function compare (identity: Identity, row: InventoryRow | undefined, isBuried: boolean): Promise<void> {
    const user = userOf({ ...identity, traits: isRecord(identity['traits']) ? identity['traits'] : {} }, traits)
    const updatedAt = normaliseTimestamp(user.updated_at)
    if (sinceTime !== undefined && updatedAt < sinceTime) return
    const write = (): Promise<unknown> => store.users.upsert(user)
    if (isBuried) {
      // It may have been deleted since the page was made.
      if (!await kratos.has(identity.id)) return
      note('buried', identity.id)
      return await repair(async () => {
        await store.inventory.unbury(identity.id)
        await write()
      })
    }
    if (row !== undefined && row.updated_at >= updatedAt) return
    note(row === undefined ? 'missing' : 'stale', identity.id)
    await repair(write)
  }

  async function compareOrNote (...args: Parameters<typeof compare>): Promise<void> {
    try {
      await compare(...args)
    } catch (error) {
      if (!(error instanceof InvalidValueError)) throw error
      note('unusable', args[0].id)
    }
  }

  /** Rows up to the end of a page, and which of them have no identity on it. */
  async function rowsUpTo (
    after: string,
    upTo: string | undefined,
    ids: Set<string>,
  ): Promise<Map<string, InventoryRow>> {
    const known = new Map<string, InventoryRow>()
    for (let from = after; ;) {
      const some = await store.inventory.rows({ after: from, upTo, limit: ROWS_AT_ONCE })
      rows += some.length
      for (const row of some) {
        if (ids.has(row.identity_id)) known.set(row.identity_id, row)
        // Asked for by itself: it may be younger than the page.
        else if (sinceTime === undefined && !await kratos.has(row.identity_id)) orphans.push(row.identity_id)
      }
      const last = some.at(-1)
      if (last === undefined || some.length < ROWS_AT_ONCE) return known
      from = last.identity_id
    }
  }

  const checkOrphans = (total: number): void => {
    if (orphans.length * 100 <= total * maxOrphansPercent) return
    throw new ReconcileAbortedError(
      `${orphans.length} of ${total} rows have no identity, more than ${maxOrphansPercent} %: this may be another Kratos; nothing more is done`,
    )
  }

  const total = await store.inventory.count()
  let after = options.after?.toLowerCase() ?? ''
  let token = options.after
  for (;;) {
    const page = await kratos.page(token)
    const list = checkedPage(page.identities, after)
    const last = page.next === undefined ? undefined : list.at(-1)?.id
    if (page.next !== undefined && last === undefined) throw new ReconcileAbortedError('Kratos\' list ends in the middle: a page is empty')
    const known = await rowsUpTo(after, last, new Set(list.map(({ id }) => id)))
    // Early, because each orphan has cost Kratos a question.
    checkOrphans(Math.max(total, rows))
    const buried = new Set(await store.inventory.buried(list.map(({ id }) => id)))
    for (let at = 0; at < list.length; at += WRITES_AT_ONCE) {
      const some = list.slice(at, at + WRITES_AT_ONCE)
      await Promise.all(some.map((identity) =>
        compareOrNote(identity, known.get(identity.id), buried.has(identity.id)),
      ))
    }
    const seen = identities + list.length
    const isRound = Math.trunc(seen / PROGRESS_EVERY) > Math.trunc(identities / PROGRESS_EVERY)
    if (isRound) onProgress(seen, list.at(-1)?.id ?? after)
    identities = seen
    if (last === undefined) break
    after = last
    token = page.next
    if (signal.aborted) {
      for (const id of orphans) note('orphaned', id)
      return { identities, found, repaired, stoppedAfter: after }
    }
  }

  checkOrphans(rows)
  for (const id of orphans) {
    note('orphaned', id)
    // Once more: the walk may have taken long.
    if (!deleteOrphans || await kratos.has(id)) continue
    await store.deletions.finish(id)
    repaired++
  }
  return { identities, found, repaired, stoppedAfter: undefined }
}

/** @throws ReconcileAbortedError for a list that is not in the order by which its end can be known */
function checkedPage (page: JsonObject[], after: string): Identity[] {
  const list = page.map((identity) => ({ ...identity, id: String(identity['id']).toLowerCase() }))
  let previous = after
  for (const { id } of list) {
    if (!isUuid(id) || id <= previous) {
      throw new ReconcileAbortedError('Kratos\' list of identities is not in order: what it leaves out cannot be known')
    }
    previous = id
  }
  return list
}

/** Whether an error says that the walk broke off, and not that this program is wrong. */
export const isAborted = (error: unknown): boolean =>
  error instanceof ReconcileAbortedError || error instanceof KratosAwayError
