import { parseArgs } from 'node:util'
import { loadConfig } from '../../config.js'
import { isUuid } from '../../patterns.js'
import type { DeadLetter, DeadLetterPlace, DeadLetterRepository } from '../../service/store/dead-letters.js'
import { type Command, type CommandIo, parsed, UsageError } from './command.js'
import { withStore } from './own-store.js'

const PAGE = 200

/** Page by page: a receiver that was away for days leaves many. */
async function * listed (
  deadLetters: DeadLetterRepository,
  subscriber: string | undefined,
): AsyncGenerator<DeadLetter> {
  for (let after: DeadLetterPlace | undefined; ;) {
    const page = await deadLetters.list({ subscriber, after, limit: PAGE })
    yield * page
    if (page.length < PAGE) return
    after = page.at(-1)
  }
}

/** Names of subscribers may hold blanks, so they stand last. */
const lineOf = ({ subscriber, attempts, died_at: diedAt, error, event }: DeadLetter): string =>
  [event.id, event.type, event.identity_id ?? '-', diedAt, `${attempts} attempts`, error ?? '-', subscriber].join('  ')

function readArguments (args: string[]) {
  const { values, positionals } = parsed(() =>
    parseArgs({
      args,
      allowPositionals: true,
      options: { subscriber: { type: 'string' }, event: { type: 'string' }, json: { type: 'boolean', default: false } },
    }),
  )
  const { subscriber, event, json } = values
  const [verb = 'list', name, ...rest] = positionals
  if (verb === 'list' && name === undefined && event === undefined) return { verb, subscriber, json } as const
  const isReplay = verb === 'replay' && name !== undefined && rest.length === 0 && subscriber === undefined && !json
  if (!isReplay) throw new UsageError('it is list [--subscriber <name>] [--json], or replay <subscriber> [--event <id>]')
  if (event !== undefined && !isUuid(event)) throw new UsageError('--event wants the id of an event')
  return { verb, name, event: event?.toLowerCase() } as const
}

async function run (args: string[], { env, print, tell, signal }: CommandIo): Promise<number> {
  const asked = readArguments(args)
  return await withStore(loadConfig(env), tell, async ({ deadLetters }) => {
    if (asked.verb === 'replay') {
      const count = await deadLetters.replay(asked.name, asked.event)
      print(`${count} of ${asked.name} will be tried anew\n`)
      return count > 0 ? 0 : 1
    }
    let count = 0
    for await (const letter of listed(deadLetters, asked.subscriber)) {
      if (signal.aborted) break
      print(`${asked.json ? JSON.stringify(letter) : lineOf(letter)}\n`)
      count++
    }
    tell(`${count} dead letters`)
    return count > 0 ? 1 : 0
  })
}

/** For who may read the database and has no OPERATOR_KEY at hand, or no replica that runs. */
export const deadLetters: Command = {
  usage: '[list [--subscriber <name>] [--json] | replay <subscriber> [--event <id>]]',
  about: 'events that a subscriber did not take: lists them (status 1: there are some), or has them tried anew',
  run,
}
