import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

// What an embedded server costs a test: `npm run measure:embedded`. Processor time, which a busy machine changes least.

const RUNS = 5
const ENTRY = join(import.meta.dirname, '../../build/embedded-kratos/dist/kratos/embedded/index.mjs')

const PROGRAM = `
  const processorMs = () => Object.values(process.cpuUsage()).reduce((sum, micros) => sum + micros / 1000, 0)
  const passed = async (work) => {
    const begun = processorMs()
    const result = await work()
    return [processorMs() - begun, result]
  }
  const megabytes = () => {
    gc()
    return process.memoryUsage().rss / 1e6
  }
  const empty = megabytes()
  const [imported, { startEmbeddedKratos }] = await passed(() => import(${JSON.stringify(ENTRY)}))
  const start = () => startEmbeddedKratos({ env: {} })
  const [started, first] = await passed(start)
  const one = megabytes()
  const ten = await Promise.all(Array.from({ length: 10 }, start))
  const eleven = megabytes()
  await Promise.all([first, ...ten].map((server) => server.close()))
  const hundred = async () => {
    for (let n = 0; n < 100; n++) await (await start()).close()
    gc()
    return process.memoryUsage().heapUsed / 1e6
  }
  // The first hundred makes the code fast, which takes memory once.
  const before = await hundred()
  console.log(JSON.stringify({
    'import, ms': imported,
    'first start, ms': started,
    'library and one server, MB': one - empty,
    'each further server, MB': (eleven - one) / 10,
    'heap left by a hundred one after another, MB': await hundred() - before,
  }))`

const args = ['--expose-gc', '--input-type=module', '--eval', PROGRAM]
const runs = Array.from({ length: RUNS }, () =>
  JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Record<string, number>,
)
for (const name of Object.keys(runs[0] ?? {})) {
  const values = runs.map((run) => run[name] ?? NaN).sort((a, b) => a - b)
  console.log(`${name}: ${values[Math.floor(RUNS / 2)]?.toFixed(1)} (least ${values[0]?.toFixed(1)})`)
}
