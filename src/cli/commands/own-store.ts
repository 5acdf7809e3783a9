import { setTimeout as sleep } from 'node:timers/promises'
import { type Config, hasEvents } from '../../config.js'
import { replicaName } from '../../service/events/replica-name.js'
import { describeStoreError, StoreUnavailableError } from '../../service/store/errors.js'
import { openStore, type Store } from '../../service/store/store.js'

const OPEN_MS = 10_000
const POLL_MS = 50
/** One process, and nobody waits for it: a lock may take its time. */
const WAIT_MS = 5000

async function untilMigrated (store: Store): Promise<void> {
  const deadline = performance.now() + OPEN_MS
  while (!store.isMigrated() && performance.now() < deadline) await sleep(POLL_MS)
  if (!store.isMigrated()) throw new StoreUnavailableError('The database cannot be used, or is not migrated')
}

/** The database of the service, for as long as a command works with it. */
export async function withStore<T> (
  config: Config,
  tell: (line: string) => void,
  work: (store: Store) => Promise<T>,
): Promise<T> {
  const store = await openStore({
    url: config.DATABASE_URL,
    waitMs: WAIT_MS,
    statementTimeoutMs: config.DATABASE_STATEMENT_TIMEOUT_MS,
    maxConnections: config.DATABASE_POOL_SIZE,
    replica: hasEvents(config) ? replicaName() : undefined,
    onError: (error) => tell(describeStoreError(error)),
  })
  try {
    await untilMigrated(store)
    return await work(store)
  } finally {
    await store.close()
  }
}
