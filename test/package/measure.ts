import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { footprint, install, pack } from '../support/package.js'

// What the packed plugin costs an app that has Fastify: `npm run measure:package`.

const RUNS = 15

const PROGRAM = `
  const start = performance.now()
  await import('fastify')
  const between = performance.now()
  await import('fastify-kratos')
  console.log(JSON.stringify([between - start, performance.now() - between]))`

const median = (numbers: number[]): number => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN
const ms = (numbers: number[]): string => `${median(numbers).toFixed(0)} ms (least ${Math.min(...numbers).toFixed(0)})`

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
    JSON.parse(execFileSync(process.execPath, args, { cwd: project, encoding: 'utf8' })) as [number, number],
  )
  console.log(`import of fastify: ${ms(runs.map(([fastify]) => fastify))}`)
  console.log(`import of fastify-kratos after it: ${ms(runs.map(([, plugin]) => plugin))}, median of ${RUNS} runs`)
} finally {
  await rm(folder, { recursive: true, force: true })
}
