import type { FastifyBaseLogger } from 'fastify'
import type { KratosClient } from '../kratos-client/client.js'
import type { DeletionRepository } from './store/deletions.js'
import { describeStoreError } from './store/errors.js'

/** The request that asked for a deletion has ended long before: its calls have deadlines. */
const ABANDONED_MS = 60_000

export interface DeletionWorkerOptions {
  deletions: DeletionRepository
  kratos: Pick<KratosClient, 'hasIdentity'>
  log: FastifyBaseLogger
  /** Told of each account whose rows are gone now. */
  onFinished: (identityId: string) => void
  abandonedMs?: number
}

/**
 * Finishes deletions that a request could not: the database failed after Kratos' delete, or the process ended. Where
 * the identity is gone at Kratos the rows go too; where it lives nobody was told that it is deleted, and the deletion
 * is taken back. One at a time, on whichever process comes first.
 */
export function createDeletionWorker (
  { deletions, kratos, log, onFinished, abandonedMs = ABANDONED_MS }: DeletionWorkerOptions,
): () => Promise<void> {
  async function settleOne (): Promise<boolean> {
    const attempt = await deletions.takeOver(abandonedMs)
    if (attempt === undefined) return false
    const { identityId } = attempt
    const identity = await kratos.hasIdentity(identityId)
    // It is tried again when it has been left alone for as long as before. Of the others Kratos would say no more, and
    // each question may take its whole deadline, which the end of the service would wait for.
    if (identity === 'unknown') return false
    if (identity === 'present') await deletions.withdraw(attempt)
    else await deletions.finish(identityId)
    if (identity === 'absent') onFinished(identityId)
    const event = identity === 'present' ? 'account_deletion_withdrawn' : 'account_deletion_finished'
    log.info({ event, identityId }, 'An unfinished deletion was settled')
    return true
  }

  return async function settleAll () {
    try {
      while (await settleOne());
      await deletions.forgetOld()
    } catch (error) {
      log.warn(
        { event: 'account_deletion_waits', cause: describeStoreError(error) },
        'Unfinished deletions cannot be looked for at the moment',
      )
    }
  }
}
