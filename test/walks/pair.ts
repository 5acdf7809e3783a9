import fc from 'fast-check'
import { startEmbeddedKratos, type EmbeddedKratosOptions } from '../../kratos/embedded/index.js'
import { firstDifference, type Difference } from './compare.js'
import { ADMIN_URL, PUBLIC_URL, type Configuration } from './configurations.js'
import { walks } from './generate.js'
import { withSchema } from './real.js'
import type { Answer, JsonObject, Walk } from './steps.js'
import { createWalker, type Server } from './walker.js'

export interface Finding {
  walk: Walk
  step: number
  differences: Difference[]
  /** What the real server answered, at each step. */
  real: Answer[]
}

export interface Pair {
  /** @returns undefined when both servers answer alike */
  compare: (walk: Walk) => Promise<Finding | undefined>
  close: () => Promise<void>
}

/** The embedded server for a configuration: the addresses it tells are the configured ones. */
export async function startEmbedded (
  configuration: Configuration,
  options: EmbeddedKratosOptions = {},
): ReturnType<typeof startEmbeddedKratos> {
  return await startEmbeddedKratos({ config: withSchema(configuration), baseUrl: 'keep', dev: true, env: {}, watchCourier: false, ...options })
}

let count = 0
/** Of one length, so that nothing depends on it; ends with digits for telephone numbers. */
const nextRun = (): string => `${(Date.now() % 36 ** 6).toString(36).padStart(6, '0')}x${String(++count % 10_000).padStart(4, '0')}`

/** Walks both servers. People have names that no walk before had. */
export function createPair (real: Server, embedded: Server, { config }: Pick<Configuration, 'config'>): Pair {
  const serve = config['serve'] as Record<string, JsonObject> | undefined
  const urls = {
    public: String(serve?.['public']?.['base_url'] ?? PUBLIC_URL),
    admin: String(serve?.['admin']?.['base_url'] ?? ADMIN_URL),
  }
  const walkers = [real, embedded].map((server) => createWalker(server, urls))
  return {
    compare: async (walk) => {
      const run = nextRun()
      const [answers = [], others = []] = await Promise.all(walkers.map(async (walker) => await walker.walk(walk, run)))
      const found = firstDifference(answers, others)
      return found === undefined ? undefined : { walk: walk.slice(0, found.step + 1), real: answers.slice(0, found.step + 1), ...found }
    },
    close: async () => { await Promise.all(walkers.map(async (walker) => await walker.close())) },
  }
}

/** The walk of a seed, and if it differs, the smallest walk that still does. */
export async function walkSeed (pair: Pair, seed: number): Promise<Finding | undefined> {
  let smallest: Finding | undefined
  const property = fc.asyncProperty(walks, async (walk) => {
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
