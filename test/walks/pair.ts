import fc, { type Arbitrary } from 'fast-check'
import type { Test } from 'tap'
import { startEmbeddedKratos, type EmbeddedKratosOptions } from '../../kratos/embedded/index.js'
import { firstDifference, type Difference } from './compare.js'
import { placesOf, type Configuration } from './configurations.js'
import { walks as usualWalks } from './generate.js'
import { withSchema } from './real.js'
import { nextRun } from './run-name.js'
import type { Answer, JsonObject, Walk } from './steps.js'
import { createWalker, type Server } from './walker.js'

export interface Finding {
  /** Its last step is the one that differs. */
  walk: Walk
  differences: Difference[]
  /** What the real server answered to the last step. */
  real: Answer
}

export interface Pair {
  walks: Arbitrary<Walk>
  /** @returns undefined when both servers answer alike */
  compare: (walk: Walk) => Promise<Finding | undefined>
  close: () => Promise<void>
}

/** The embedded server for a configuration: the addresses it tells are the configured ones. */
export async function startEmbedded (
  configuration: Configuration,
  options: EmbeddedKratosOptions = {},
): ReturnType<typeof startEmbeddedKratos> {
  const config = withSchema(configuration)
  return await startEmbeddedKratos({ config, baseUrl: 'keep', dev: true, env: {}, watchCourier: false, ...options })
}

/** Walks both servers. People have names that no walk before had. */
export function createPair (
  real: Server,
  embedded: Server,
  { config, walks = usualWalks }: Pick<Configuration, 'config' | 'walks'>,
): Pair {
  const places = placesOf({ config })
  const walkers = [real, embedded].map((server) => createWalker(server, places))
  return {
    walks,
    compare: async (walk) => {
      const run = nextRun()
      const [answers = [], others = []] = await Promise.all(walkers.map(async (walker) => await walker.walk(walk, run)))
      const found = firstDifference(answers, others)
      if (found === undefined) return undefined
      const { step, differences } = found
      return { walk: walk.slice(0, step + 1), differences, real: answers[step] as Answer }
    },
    close: async () => { await Promise.all(walkers.map(async (walker) => await walker.close())) },
  }
}

/** The walk of a seed, and if it differs, the smallest walk that still does. */
export async function walkSeed (pair: Pair, seed: number): Promise<Finding | undefined> {
  let smallest: Finding | undefined
  const property = fc.asyncProperty(pair.walks, async (walk) => {
    const found = await pair.compare(walk)
    if (found !== undefined) smallest = found
    return found === undefined
  })
  const { failed, errorInstance } = await fc.check(property, { seed, numRuns: 1 })
  if (failed && smallest === undefined) throw errorInstance
  return smallest === undefined ? undefined : await shortened(pair, smallest)
}

/** Leaves out one step after the other as long as something differs: fast-check leaves out from the ends only. */
async function shortened (pair: Pair, finding: Finding): Promise<Finding> {
  let smallest = finding
  for (let at = smallest.walk.length - 2; at >= 0; at--) {
    const found = await pair.compare(smallest.walk.toSpliced(at, 1))
    if (found !== undefined) smallest = found
  }
  return smallest
}

/** Walks two embedded servers, of which the second has something planted. */
export async function findingsOf (
  t: Pick<Test, 'teardown'>,
  configuration: Configuration,
  { seeds, overrides }: { seeds: number[], overrides: JsonObject },
): Promise<Finding[]> {
  const servers = [await startEmbedded(configuration), await startEmbedded(configuration, { overrides })] as const
  const pair = createPair(...servers, configuration)
  t.teardown(async () => {
    await pair.close()
    await Promise.all(servers.map(async (server) => await server.close()))
  })
  const found: Finding[] = []
  for (const seed of seeds) {
    const finding = await walkSeed(pair, seed)
    if (finding !== undefined) found.push(finding)
  }
  return found
}
