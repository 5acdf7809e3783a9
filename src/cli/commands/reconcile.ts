import { parseArgs } from 'node:util'
import { authSettings, loadConfig } from '../../config.js'
import { isUuid } from '../../patterns.js'
import { createKratosAdmin } from '../../service/admin/kratos-admin.js'
import { DRIFTS, isAborted, leftOver, MAX_ORPHANS_PERCENT, reconcile as walk, type Reconciled } from '../../service/reconcile.js'
import { StoreUnavailableError } from '../../service/store/errors.js'
import { normaliseTimestamp } from '../../service/store/timestamps.js'
import { type Command, type CommandIo, parsed, positive, UsageError } from './command.js'
import { withStore } from './own-store.js'

const DRIFT = 1
const ABORTED = 3

function readArguments (args: string[]) {
  const { values } = parsed(() =>
    parseArgs({
      args,
      options: {
        fix: { type: 'boolean', default: false },
        'delete-orphans': { type: 'boolean', default: false },
        since: { type: 'string' },
        after: { type: 'string' },
        'max-orphans': { type: 'string', default: String(MAX_ORPHANS_PERCENT) },
        quiet: { type: 'boolean', default: false },
      },
    }),
  )
  const { since, after } = values
  if (since !== undefined) parsed(() => normaliseTimestamp(since))
  if (after !== undefined && !isUuid(after)) throw new UsageError('--after wants the id that an earlier run named')
  if (since !== undefined && values['delete-orphans']) {
    throw new UsageError('--since looks at identities that changed, so it finds no rows without one: no --delete-orphans')
  }
  return { ...values, maxOrphansPercent: positive('max-orphans', values['max-orphans']) }
}

function summary ({ identities, found, repaired }: Reconciled): string {
  const counts = DRIFTS.map((drift) => `${found[drift]} ${drift}`)
  return `${identities} identities: ${counts.join(', ')}; ${repaired} repaired\n`
}

async function run (args: string[], { env, print, tell, signal }: CommandIo): Promise<number> {
  const asked = readArguments(args)
  const config = loadConfig(env)
  const url = config.KRATOS_ADMIN_URL
  try {
    return await withStore(config, tell, async (store) => {
      const result = await walk({
        // A page that was begun is ended, so that it is known where to go on.
        kratos: createKratosAdmin({ url }),
        store,
        traits: authSettings(config).traits,
        fix: asked.fix,
        deleteOrphans: asked['delete-orphans'],
        since: asked.since,
        after: asked.after,
        maxOrphansPercent: asked.maxOrphansPercent,
        onDrift: (drift, id) => asked.quiet ? undefined : print(`${drift} ${id}\n`),
        onProgress: (seen, last) => tell(`${seen} identities, up to ${last}`),
        signal,
      })
      print(summary(result))
      if (result.stoppedAfter !== undefined) tell(`stopped; go on with --after ${result.stoppedAfter}`)
      return leftOver(result) > 0 ? DRIFT : 0
    })
  } catch (error) {
    if (!isAborted(error) && !(error instanceof StoreUnavailableError)) throw error
    tell(`aborted: ${error instanceof Error ? error.message : ''}`)
    return ABORTED
  }
}

export const reconcile: Command = {
  usage: '[--fix] [--delete-orphans] [--since 2026-01-31T00:00:00Z] [--after <id>] [--max-orphans 5] [--quiet]',
  about: "compares users with Kratos' identities; status 0: all is well or repaired, 1: drift is left, 3: aborted",
  run,
}
