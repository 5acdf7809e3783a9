import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Configuration } from './configurations.js'
import type { JsonObject } from './steps.js'
import type { Server } from './walker.js'
import { freePorts } from '../support/process.js'

export interface Running extends Server {
  close: () => Promise<void>
}

/** The schema as an address, so that a configuration is one file; unless the configuration names its schemas. */
export const withSchema = ({ config, schema }: Configuration): JsonObject => ({
  identity: {
    default_schema_id: 'default',
    schemas: [{ id: 'default', url: `base64://${Buffer.from(JSON.stringify(schema)).toString('base64')}` }],
  },
  ...config,
})

const PROBES = 150
const isReady = async (adminUrl: string): Promise<boolean> =>
  await fetch(`${adminUrl}/admin/health/ready`).then(({ status }) => status === 200, () => false)

/** Starts the `kratos` at a path. @throws with the end of its log when it does not start */
export async function startBinary (path: string, configuration: Configuration): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'walks-'))
  const [publicPort = 0, adminPort = 0] = await freePorts(2)
  const config = withSchema(configuration)
  const serve = config['serve'] as Record<string, JsonObject>
  const served = { public: { ...serve['public'], port: publicPort }, admin: { ...serve['admin'], port: adminPort } }
  const file = join(folder, 'kratos.yml')
  writeFileSync(file, JSON.stringify({ ...config, serve: served }))
  const child = spawn(path, ['serve', '-c', file, '--dev', '--sqa-opt-out'], { cwd: folder })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => { log = `${log}${text}`.slice(-4000) })
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  const close = async (): Promise<void> => {
    child.kill()
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
  const urls = { publicUrl: `http://127.0.0.1:${publicPort}`, adminUrl: `http://127.0.0.1:${adminPort}` }
  for (let probe = 0; probe < PROBES && child.exitCode === null; probe++) {
    if (await isReady(urls.adminUrl)) return { ...urls, close }
    await sleep(100)
  }
  await close()
  throw new Error(`${path} does not start:\n${log}`)
}
