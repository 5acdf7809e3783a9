import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { parse } from 'yaml'
import { CONFIGURATIONS, type Configuration } from './configurations.js'
import { createPair, startEmbedded, walkSeed, type Finding } from './pair.js'
import { startBinary, withSchema, type Running } from './real.js'
import type { JsonObject } from './steps.js'

const { values: args } = parseArgs({
  options: {
    real: { type: 'string' },
    admin: { type: 'string' },
    binary: { type: 'string' },
    configuration: { type: 'string', multiple: true },
    walks: { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
    save: { type: 'string' },
    write: { type: 'string' },
  },
})

function chosen (): Array<[string, Configuration]> {
  const names = args.configuration ?? (args.binary === undefined ? ['plain'] : Object.keys(CONFIGURATIONS))
  return names.map((name) => {
    const configuration = CONFIGURATIONS[name]
    if (configuration === undefined) throw new Error(`there is no configuration ${name}, but ${Object.keys(CONFIGURATIONS).join(', ')}`)
    return [name, configuration]
  })
}

async function realOne (configuration: Configuration): Promise<Running> {
  if (args.binary !== undefined) return await startBinary(args.binary, configuration)
  if (args.real === undefined || args.admin === undefined) throw new Error('--real <public URL> and --admin <admin URL>, or --binary <path of kratos>')
  return { publicUrl: args.real, adminUrl: args.admin, close: async () => {} }
}

let saved = 0
function report (configuration: string, seed: number, { walk, differences, real }: Finding): void {
  console.log(`\n${configuration}, seed ${seed}: differs at step ${walk.length}`)
  for (const step of walk) console.log(`  ${JSON.stringify(step)}`)
  for (const { at, real, embedded } of differences.slice(0, 8)) console.log(`    ${at}\n      real     ${real}\n      embedded ${embedded}`)
  if (args.save === undefined) return
  mkdirSync(args.save, { recursive: true })
  const recorded = { configuration, steps: walk.map((step, at) => ({ step, answer: real[at] })) }
  writeFileSync(join(args.save, `${configuration}-${seed}-${++saved}.json`), `${JSON.stringify(recorded, undefined, 2)}\n`)
}

const kindOf = ({ walk, differences }: Finding): string => {
  const step = walk.at(-1)
  const what = step?.do === 'submit' ? `${step.flow} ${String(step.fields['method'])}` : JSON.stringify(step)
  return `${what}: ${differences.map(({ at }) => at.replaceAll(/\d+/g, 'n')).slice(0, 2).join()}`
}

let differing = 0
let walked = 0
const kinds = new Set<string>()
for (const [name, configuration] of chosen()) {
  const real = await realOne(configuration)
  const embedded = await startEmbedded(configuration)
  const pair = createPair(real, embedded, configuration)
  try {
    for (let seed = Number(args.seed); seed < Number(args.seed) + Number(args.walks); seed++) {
      const found = await walkSeed(pair, seed)
      walked++
      if (found === undefined) continue
      differing++
      if (kinds.has(kindOf(found))) continue
      kinds.add(kindOf(found))
      report(name, seed, found)
    }
  } finally {
    await pair.close()
    await embedded.close()
    await real.close()
  }
}
console.log(`\n${differing} of ${walked} walks differ`)
process.exitCode = differing === 0 ? 0 : 1
