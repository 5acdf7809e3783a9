import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { stringify } from 'yaml'
import { CONFIGURATIONS, type Configuration } from './configurations.js'
import { ownConfiguration } from './own-configuration.js'
import { createPair, startEmbedded, walkSeed, type Finding } from './pair.js'
import { startBinary, withSchema, type Running } from './real.js'
import { deviations, lastAnswer, readWalk, recordedFiles, writeWalk } from './recorded.js'

/**
 * `npm run walk`: generated walks against a real Kratos and the embedded one; CONTRIBUTING.md says how. First the
 * recorded walks: a fact that no longer holds is named.
 */
const { values: args } = parseArgs({
  options: {
    /** A running Kratos: its two URLs. It has to run with --dev and the file that --write has written. */
    real: { type: 'string' },
    admin: { type: 'string' },
    /** Or the path of a kratos to start, once for each configuration. */
    binary: { type: 'string' },
    configuration: { type: 'string', multiple: true },
    /** Instead of these: kratos.yml files of one's own, for --binary. */
    file: { type: 'string', multiple: true, default: [] },
    walks: { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
    /** Writes the kratos.yml of each configuration into a folder, and ends. */
    write: { type: 'string' },
    /** Takes the real answers as those of the recorded walks. */
    record: { type: 'boolean', default: false },
  },
})

type Named = [name: string, configuration: Configuration]

function chosen (): Named[] {
  if (args.file.length > 0) return args.file.map((path) => [path, ownConfiguration(path)])
  const isOne = args.binary === undefined && args.write === undefined
  const names = args.configuration ?? (isOne ? ['plain'] : Object.keys(CONFIGURATIONS))
  return names.map((name) => {
    const configuration = CONFIGURATIONS[name]
    if (configuration !== undefined) return [name, configuration]
    throw new Error(`there is no configuration ${name}, but ${Object.keys(CONFIGURATIONS).join(', ')}`)
  })
}

async function startReal (configuration: Configuration): Promise<Running> {
  const { binary, real, admin } = args
  if (binary !== undefined) return await startBinary(binary, configuration)
  if (real !== undefined && admin !== undefined) return { publicUrl: real, adminUrl: admin, close: async () => {} }
  throw new Error('wants --real <public URL> and --admin <admin URL>, or --binary <path of kratos>')
}

/** @returns how many facts no longer hold */
async function checkFacts (name: string, real: Running): Promise<number> {
  let broken = 0
  for (const file of recordedFiles()) {
    const recorded = readWalk(file)
    if (recorded.configuration !== name) continue
    if (args.record) writeWalk(file, { ...recorded, answer: await lastAnswer(real, recorded) })
    const found = await deviations(real, recorded)
    if (args.record || found.length === 0) continue
    broken++
    console.log(`\nno longer holds: ${recorded.fact} (${file})`)
    for (const { at, real, embedded } of found) console.log(`    ${at}\n      was ${real}\n      is  ${embedded}`)
  }
  return broken
}

/** Prints the walk as a file for test/walks/recorded. */
function print (name: string, seed: number, { walk, differences, real }: Finding): void {
  console.log(`\n${name}, seed ${seed}: the smallest walk that differs`)
  for (const { at, real, embedded } of differences) console.log(`    ${at}\n      real     ${real}\n      embedded ${embedded}`)
  console.log(JSON.stringify({ fact: '', configuration: name, steps: walk, answer: real }))
}

async function walkAll ([name, configuration]: Named): Promise<{ broken: number, walked: number, differing: number }> {
  const real = await startReal(configuration)
  const embedded = await startEmbedded(configuration)
  const pair = createPair(real, embedded, configuration)
  let differing = 0
  const [first, count] = [Number(args.seed), Number(args.walks)]
  try {
    const broken = await checkFacts(name, real)
    for (let seed = first; seed < first + count; seed++) {
      const found = await walkSeed(pair, seed)
      if (found === undefined) continue
      differing++
      print(name, seed, found)
    }
    return { broken, walked: count, differing }
  } finally {
    await pair.close()
    await embedded.close()
    await real.close()
  }
}

if (args.write !== undefined) {
  for (const [name, configuration] of chosen()) {
    writeFileSync(join(args.write, `${name}.yml`), stringify(withSchema(configuration)))
  }
} else {
  const sum = { broken: 0, walked: 0, differing: 0 }
  for (const named of chosen()) {
    const { broken, walked, differing } = await walkAll(named)
    console.log(`${named[0]}: ${differing} of ${walked} walks differ`)
    sum.broken += broken
    sum.walked += walked
    sum.differing += differing
  }
  console.log(`\n${sum.differing} of ${sum.walked} walks differ, ${sum.broken} facts no longer hold`)
  process.exitCode = sum.differing + sum.broken === 0 ? 0 : 1
}
