import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { VERSION } from '../../kratos/embedded/index.js'

/**
 * `npm run test:contract`: what the service relies on of Kratos, the stock SDK's journeys and the service's end-to-end
 * tests, against the embedded Kratos and, when KRATOS_PUBLIC_URL and KRATOS_ADMIN_URL are set, against the real one
 * there. That one has to run with `kratos/kratos.yml` and `--dev`; it keeps the identities that the tests make.
 *
 * `--openapi <file>` checks every answer against Kratos' own OpenAPI document too, and the document against the
 * recordings.
 */
const root = join(import.meta.dirname, '../..')
const files = ['test/contract/contract.test.ts', 'test/embedded/sdk.test.ts', 'test/routes.test.js']
const { KRATOS_PUBLIC_URL: publicUrl, KRATOS_ADMIN_URL: adminUrl } = process.env

const { values: { openapi } } = parseArgs({ options: { openapi: { type: 'string' } } })
const openapiEnv = openapi === undefined ? {} : { KRATOS_OPENAPI: resolve(openapi) }
const openapiFiles = openapi === undefined ? [] : ['test/contract/openapi.ts', 'test/embedded/replay.test.ts']

function run (what: string, kind: 'embedded' | 'real'): boolean {
  console.log(`\nContract against ${what}`)
  // SQLite in memory, which a real one for tests has, locks its tables when two write at once
  const jobs = kind === 'real' ? ['--jobs=1'] : []
  const { status } = spawnSync('tap', [...jobs, ...files, ...(kind === 'embedded' ? openapiFiles : [])], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...openapiEnv, TEST_KRATOS: kind },
  })
  console.log(`Contract against ${what}: ${status === 0 ? 'kept' : 'broken'}`)
  return status === 0
}

/** @throws when nothing answers there */
async function versionOf (url: string): Promise<string> {
  const answer = await fetch(`${url}/admin/version`)
  const { version } = await answer.json() as { version: string }
  return version
}

if (openapi !== undefined && !existsSync(openapi)) throw new Error(`there is no file ${openapi}`)
if ((publicUrl === undefined) !== (adminUrl === undefined)) { throw new Error('a real Kratos needs both, KRATOS_PUBLIC_URL and KRATOS_ADMIN_URL') }
const kept = [run(`the embedded Kratos ${VERSION}`, 'embedded')]
if (publicUrl !== undefined && adminUrl !== undefined) { kept.push(run(`the real Kratos at ${publicUrl}, version "${await versionOf(adminUrl)}"`, 'real')) } else console.log('KRATOS_PUBLIC_URL and KRATOS_ADMIN_URL are not set: no real Kratos was asked')
process.exitCode = kept.every(Boolean) ? 0 : 1
