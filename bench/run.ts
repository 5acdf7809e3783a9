import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, platform, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLab, SERVICE_SCRIPT } from './lab.js'
import { createLoad, type Generator, hasWrk } from './load.js'
import { HELP, type Options, parseOptions, UsageError } from './options.js'
import { createFleet, type Fleet, ProgramError } from './process.js'
import { realKratos } from './real-kratos.js'
import { runRounds, type ScenarioResult } from './rounds.js'
import { type Scenario, SCENARIOS } from './scenarios.js'
import { markdownTable } from './table.js'

function optionsOf (args: string[]): Options {
  try {
    return parseOptions(args, process.env)
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${HELP}`)
  }
}

function chosen ({ only, kratos, tokens }: Options): Scenario[] {
  const all = [...SCENARIOS, ...(kratos === undefined ? [] : [realKratos(kratos, tokens)])]
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
  `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${availableParallelism()} processors, ${platform()}`
const progress = (text: string): void => {
  process.stderr.write(`${text}\n`)
}

async function runScenario (
  scenario: Scenario,
  fleet: Fleet,
  folder: string,
  { rounds, seconds, generator }: Options & { generator: Generator },
): Promise<ScenarioResult> {
  const bench = { lab: createLab(fleet, folder), load: createLoad({ fleet, folder, generator }), seconds }
  const work = scenario.plan(bench).then((plan) => runRounds(scenario.name, plan, rounds, progress))
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
  const scenarios = chosen(options)
  if (!existsSync(SERVICE_SCRIPT)) throw new UsageError('dist is missing: npm run build')
  const generator = options.load ?? (hasWrk() ? 'wrk' : 'autocannon')
  const folder = mkdtempSync(join(tmpdir(), 'fastify-kratos-bench-'))
  let fleet = createFleet(folder)
  process.on('exit', () => {
    fleet.kill()
    rmSync(folder, { recursive: true, force: true })
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

  const results: ScenarioResult[] = []
  for (const scenario of scenarios) {
    fleet = createFleet(folder)
    results.push(await runScenario(scenario, fleet, folder, { ...options, generator }))
  }
  process.stdout.write(
    `${
      new Date().toISOString().slice(0, 10)
    }, Node ${process.version}, ${machine()}; ${generator}, ${options.rounds} rounds of ${options.seconds} s\n\n${
      markdownTable(results)
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
