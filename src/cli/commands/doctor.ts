import { parseArgs } from 'node:util'
import { parse } from 'yaml'
import { busUrl, type Config, ConfigError, loadConfig } from '../../config.js'
import { diagnose, lookedAt } from '../../doctor/diagnose.js'
import { error, type Finding, runChecks } from '../../doctor/finding.js'
import { readKratosConfig } from '../../doctor/kratos-config.js'
import { report } from '../../doctor/report.js'
import { DATABASE_CHECKS } from '../../service/doctor/database-checks.js'
import { askBus, askDatabase } from '../../service/doctor/database-facts.js'
import { environmentFacts } from '../../service/doctor/settings-facts.js'
import { lookAtSqlite, SQLITE_CHECKS } from '../../service/doctor/sqlite-checks.js'
import { runtimeProblems } from '../../service/runtime-checks.js'
import { isPostgresUrl } from '../../service/store/database-url.js'
import { type Command, type CommandIo, parsed, positive, UsageError } from './command.js'

async function databaseFindings (config: Config, replicas: number): Promise<Finding[]> {
  if (isPostgresUrl(config.DATABASE_URL)) {
    const facts = await askDatabase(config.DATABASE_URL, { poolSize: config.DATABASE_POOL_SIZE, replicas })
    const keepsSessions = config.SESSION_CACHE_MAX_AGE > 0
    return runChecks(DATABASE_CHECKS, {
      ...facts,
      bus: { ...await askBus(busUrl(config) ?? config.DATABASE_URL), keepsSessions },
    })
  }
  return runChecks(SQLITE_CHECKS, lookAtSqlite(config.DATABASE_URL, replicas))
}

/** The configuration, or why there is none, in the words of the start. */
function configure (env: CommandIo['env']): { config?: Config, problems: string[] } {
  try {
    return { config: loadConfig(env), problems: [] }
  } catch (failure) {
    if (failure instanceof ConfigError) return { problems: failure.problems }
    throw failure
  }
}

const asFinding = (problem: string): Finding =>
  ({ check: 'configuration', ...error(`The service does not start: ${problem}`, 'correct that variable; docs/configuration.md has the table') })

async function run (args: string[], { env, print }: CommandIo): Promise<number> {
  const { values } = parsed(() =>
    parseArgs({
      args,
      options: {
        json: { type: 'boolean', default: false },
        'kratos-config': { type: 'string', multiple: true, default: [] },
        replicas: { type: 'string', default: '1' },
      },
    }),
  )
  const replicas = positive('replicas', values.replicas)
  const files = values['kratos-config']
  const kratosConfig = files.length === 0
    ? undefined
    : await readKratosConfig(files, (text) => parse(text, { merge: true })).catch((failure: Error) => {
      throw new UsageError(failure.message)
    })
  const { config, problems } = configure(env)
  const wrong = [...problems, ...runtimeProblems(env, process.execArgv)].map(asFinding)
  const found = config === undefined
    ? []
    : (await Promise.all([
        diagnose(environmentFacts(config, env), kratosConfig),
        databaseFindings(config, replicas),
      ])).flat()
  const looked = config === undefined ? 'looked at settings alone' : lookedAt(['the database'], kratosConfig !== undefined)
  const { text, exitCode } = report([...wrong, ...found], looked, { json: values.json })
  print(text)
  return exitCode
}

export const doctor: Command = {
  usage: '[--json] [--kratos-config kratos.yml]... [--replicas 1]',
  about: 'says what is wrong with settings, Kratos and database, and what to change; status 1 with an error',
  run,
}
