import { randomUUID } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import type { TraitPointers } from '../kratos-client/traits.js'
import { createKratosAdmin } from './admin/kratos-admin.js'
import { isAborted, leftOver, MAX_ORPHANS_PERCENT, reconcile, type Reconciled } from './reconcile.js'
import { describeStoreError, StoreUnavailableError } from './store/errors.js'
import type { Store } from './store/store.js'

export interface ReconcileWorkerOptions {
  store: Store
  adminUrl: string
  traits: TraitPointers
  log: FastifyBaseLogger
  everyMs: number
  /** How long a process that says nothing keeps the others from it. */
  leaseMs?: number
  /** After a walk that broke off. */
  pauseMs?: number
}

export interface ReconcileWorker {
  /** Walks, if it is time and no other process does; never rejects. @returns whether it walked */
  work: () => Promise<boolean>
  /** Ends a walk that is under way. */
  end: () => void
}

const JOB = 'reconcile'
const LEASE_MS = 60_000
const RENEWALS = 4
const PAUSE_MS = 15 * 60_000

/** As `reconcile --fix` does: what a webhook or an admin's change has left is repaired, and nothing is deleted. */
export function createReconcileWorker (options: ReconcileWorkerOptions): ReconcileWorker {
  const { store, adminUrl, traits, log, everyMs, leaseMs = LEASE_MS, pauseMs = PAUSE_MS } = options
  const owner = randomUUID()
  const ending = new AbortController()

  function tell (result: Reconciled): void {
    const { identities, found, repaired } = result
    const level = leftOver(result) > 0 ? 'warn' : 'info'
    log[level]({ event: 'reconciled', identities, ...found, repaired }, 'Users were compared with Kratos’ identities')
  }

  async function walk (): Promise<void> {
    const losing = new AbortController()
    const signal = AbortSignal.any([ending.signal, losing.signal])
    const renewal = setInterval(() => {
      store.jobs.renew(JOB, owner, leaseMs).then((isHeld) => isHeld || losing.abort(), () => {})
    }, leaseMs / RENEWALS).unref()
    try {
      const result = await reconcile({
        kratos: createKratosAdmin({ url: adminUrl, signal }),
        store,
        traits,
        fix: true,
        deleteOrphans: false,
        maxOrphansPercent: MAX_ORPHANS_PERCENT,
        onDrift: () => {},
        onProgress: () => {},
        signal,
      })
      if (result.stoppedAfter !== undefined) return await store.jobs.giveBack(JOB, owner, 0)
      tell(result)
      await store.jobs.done(JOB, owner)
    } catch (error) {
      await store.jobs.giveBack(JOB, owner, signal.aborted ? 0 : pauseMs).catch(() => {})
      if (!signal.aborted) throw error
    } finally {
      clearInterval(renewal)
    }
  }

  function tellFailure (error: unknown): void {
    const isExpected = isAborted(error) || error instanceof StoreUnavailableError
    const cause = error instanceof Error && isAborted(error) ? error.message : describeStoreError(error)
    log[isExpected ? 'warn' : 'error']({ event: 'reconcile_broke_off', cause }, 'Users were not compared to the end')
  }

  return {
    work: async () => {
      if (ending.signal.aborted || !store.isMigrated()) return false
      try {
        if (!await store.jobs.take(JOB, owner, { everyMs, leaseMs })) return false
        await walk()
        return true
      } catch (error) {
        tellFailure(error)
        return false
      }
    },
    end: () => ending.abort(),
  }
}
