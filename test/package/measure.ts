import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { footprint, install, pack } from '../support/package.js'

// What the packed plugin costs an app that has Fastify: `npm run measure:package`.

const RUNS = 15

const PROGRAM = `
  const processorMs = () => Object.values(process.cpuUsage()).reduce((sum, micros) => sum + micros / 1000, 0)
  const now = () => [performance.now(), processorMs()]
  const times = [now()]
  for (const name of ['fastify', 'fastify-kratos']) {
    await import(name)
    times.push(now())
  }
  console.log(JSON.stringify(times))`

const median = (numbers: number[]): number => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN

/** Median and least of what passed between two of the times; processor time says more on a busy machine. */
function passed (runs: number[][][], from: number): string {
  const [elapsed = [], processor = []] = [0, 1].map((clock) =>
    runs.map((times) => (times[from + 1]?.[clock] ?? NaN) - (times[from]?.[clock] ?? NaN)),
  )
  const text = (numbers: number[]): string => `${median(numbers).toFixed(0)} ms (least ${Math.min(...numbers).toFixed(0)})`
  return `${text(elapsed)}, of processor time ${text(processor)}`
}

const folder = await mkdtemp(join(tmpdir(), 'fastify-kratos-measure-'))
try {
  const project = join(folder, 'project')
  const { plugin, embedded } = await pack(folder)
  await install(project, [plugin, embedded])
  for (const { manifest: { name }, paths } of [plugin, embedded]) {
    const { packages, megabytes } = footprint(project, name)
    const size = `${packages.length} packages, ${megabytes.toFixed(1)} MB`
    console.log(`${name} beside fastify: ${size}; ${paths.length} files of its own\n  ${packages.join(' ')}`)
  }
  const args = ['--input-type=module', '--eval', PROGRAM]
  const runs = Array.from({ length: RUNS }, () =>
    JSON.parse(execFileSync(process.execPath, args, { cwd: project, encoding: 'utf8' })) as number[][],
  )
  console.log(`import of fastify: ${passed(runs, 0)}`)
  console.log(`import of fastify-kratos after it: ${passed(runs, 1)}; medians of ${RUNS} runs`)
} finally {
  await rm(folder, { recursive: true, force: true })
}
