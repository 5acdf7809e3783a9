import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, platform, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLab, SERVICE_SCRIPT } from './lab.js'
import { createLoad, type Generator, hasWrk } from './load.js'
import { HELP, type Options, parseOptions, UsageError } from './options.js'
import { createFleet, type Fleet, ProgramError } from './process.js'
import { ONE_CORE_SCENARIOS, SERVER_COMMAND, stayOnOneCore } from './one-core.js'
import { oneCoreTable } from './one-core-table.js'
import { realKratos } from './real-kratos.js'
import { type Plan, runRounds, type ScenarioResult } from './rounds.js'
import { SCENARIOS } from './scenarios.js'
import { markdownTable } from './table.js'

function optionsOf (args: string[]): Options {
  try {
    return parseOptions(args, process.env)
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${HELP}`)
  }
}

/** A scenario of either way to measure. */
interface Runnable {
  name: string
  plan: (fleet: Fleet, folder: string) => Promise<Plan>
}

function runnable (options: Options & { generator: Generator }): Runnable[] {
  const { kratos, tokens, seconds, generator, base } = options
  if (options.oneCore) {
    return ONE_CORE_SCENARIOS.map(({ name, plan }) => ({
      name,
      plan: (fleet, folder) => plan({ fleet, folder, base }),
    }))
  }
  return [...SCENARIOS, ...(kratos === undefined ? [] : [realKratos(kratos, tokens)])].map(({ name, plan }) => ({
    name,
    plan: (fleet, folder) =>
      plan({ lab: createLab(fleet, folder), load: createLoad({ fleet, folder, generator }), seconds }),
  }))
}

function chosen (options: Options & { generator: Generator }): Runnable[] {
  const { only, kratos } = options
  const all = runnable(options)
  const unknown = only.filter((name) => !all.some((scenario) => scenario.name === name))
  if (unknown.length > 0) {
    throw new UsageError(
      `no scenario ${unknown.join(', ')}; there are ${all.map(({ name }) => name).join(', ')}${
        kratos === undefined ? ', and real-kratos with --kratos' : ''
      }`,
    )
  }
  return only.length === 0 ? all : all.filter(({ name }) => only.includes(name))
}

const machine = (): string =>
  `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} processors, ${platform()}`
const progress = (text: string): void => {
  process.stderr.write(`${text}\n`)
}

async function runScenario (
  scenario: Runnable,
  fleet: Fleet,
  folder: string,
  { rounds }: Options,
): Promise<ScenarioResult> {
  const work = scenario.plan(fleet, folder).then((plan) => runRounds(scenario.name, plan, rounds, progress))
  try {
    return await Promise.race([work, fleet.died])
  } catch (error) {
    // Whoever talks to a process that dies may hear of it first; its own last words say more.
    await Promise.race([fleet.died, sleep(200)])
    throw error
  } finally {
    work.catch(() => {})
    await fleet.stop()
  }
}

async function bench (args: string[]): Promise<void> {
  const options = optionsOf(args)
  if (options.help) {
    process.stdout.write(HELP)
    return
  }
  const generator = options.load ?? (hasWrk() ? 'wrk' : 'autocannon')
  const scenarios = chosen({ ...options, generator })
  if (!existsSync(SERVICE_SCRIPT)) throw new UsageError('dist is missing: npm run build')
  if (options.oneCore) stayOnOneCore()
  const folder = mkdtempSync(join(tmpdir(), 'fastify-kratos-bench-'))
  const prefix = options.oneCore ? SERVER_COMMAND : []
  let fleet = createFleet(folder, prefix)
  process.on('exit', () => {
    fleet.kill()
    rmSync(folder, { recursive: true, force: true })
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

  const results: ScenarioResult[] = []
  for (const scenario of scenarios) {
    fleet = createFleet(folder, prefix)
    results.push(await runScenario(scenario, fleet, folder, options))
  }
  process.stdout.write(
    `${
      new Date().toISOString().slice(0, 10)
    }, Node ${process.version}, ${machine()}; ${
      options.oneCore
        ? `one core, ${options.rounds} rounds\n\n${oneCoreTable(results)}`
        : `${generator}, ${options.rounds} rounds of ${options.seconds} s\n\n${markdownTable(results)}`
    }\n`,
  )
  if (results.some(({ targets }) => targets.some(({ failure }) => failure !== undefined))) process.exitCode = 1
}

try {
  await bench(process.argv.slice(2))
} catch (error) {
  const isClear = error instanceof UsageError || error instanceof ProgramError
  process.stderr.write(`bench: ${isClear ? error.message : String((error as Error).stack)}\n`)
  process.exit(1)
}
