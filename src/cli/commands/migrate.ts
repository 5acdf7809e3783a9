import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { describeStoreError, StoreMigrationError } from '../../service/store/errors.js'
import { openStore } from '../../service/store/store.js'
import { type Command, type CommandIo, parsed, positive } from './command.js'

const DEFAULT_DATABASE = 'data/app.db'
const POLL_MS = 50

async function run (args: string[], { env, print, tell, signal }: CommandIo): Promise<number> {
  const { values } = parsed(() => parseArgs({ args, options: { timeout: { type: 'string', default: '60' } } }))
  const deadline = performance.now() + positive('timeout', values.timeout) * 1000
  const url = env['DATABASE_URL'] === undefined || env['DATABASE_URL'] === '' ? DEFAULT_DATABASE : env['DATABASE_URL']
  let applied: string[] = []
  let isFailed = false
  const store = await openStore({
    url,
    onError: (error) => {
      isFailed ||= error instanceof StoreMigrationError
      tell(describeStoreError(error))
    },
    onMigrated: (names) => {
      applied = names
    },
    onNewer: (names) => tell(`A newer version has migrated the database: ${names.join(', ')} are not known here`),
  })
  try {
    const isWaiting = (): boolean =>
      !store.isMigrated() && !isFailed && !signal.aborted && performance.now() < deadline
    while (isWaiting()) await sleep(POLL_MS)
    if (!store.isMigrated()) {
      print('The database was not migrated\n')
      return 1
    }
    print(applied.length === 0 ? 'Nothing to migrate\n' : `Migrated: ${applied.join(', ')}\n`)
    return 0
  } finally {
    await store.close()
  }
}

/** For a job before the service starts, so that the service's own role needs no right to create tables. */
export const migrate: Command = {
  usage: '[--timeout 60]',
  about: 'applies the migrations that DATABASE_URL lacks, once, whoever else tries at the same time',
  run,
}
