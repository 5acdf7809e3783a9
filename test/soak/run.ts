import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../support/process.js'
import * as cost from './cost.soak.js'
import * as identity from './identity.soak.js'
import * as logout from './logout.soak.js'
import * as memory from './memory.soak.js'
import * as overload from './overload.soak.js'
import * as replicas from './replicas.soak.js'
import * as restart from './restart.soak.js'
import type { Result } from './result.js'

const CACHE_SECONDS = 5

const SOAKS: Record<string, () => Promise<Result>> = {
  memory: () => memory.run(),
  overload: () => overload.run(),
  identity: () => identity.run(CACHE_SECONDS),
  'identity-uncached': () => identity.run(0),
  logout: () => logout.run(CACHE_SECONDS),
  'logout-uncached': () => logout.run(0),
  cost: () => cost.run(),
  restart: () => restart.run(),
  replicas: () => replicas.run(),
}

// Run by `npm run test:soak [-- name …]`, one after the other; each bounded by SOAK_MINUTES, SOAK_OVERLOAD_SECONDS,
// SOAK_REQUESTS, SOAK_RACES,
// SOAK_RESTARTS, SOAK_POSTS, SOAK_REPLICAS, SOAK_LOGOUTS, SOAK_ROLLS, SOAK_KILLS, SOAK_KILL_SECONDS, or SOAK_ROUNDS,
// SOAK_ATTACK_SECONDS, SOAK_SETTLE_SECONDS, SOAK_SOCKETS and SOAK_ATTACKS (a pattern of names).
if (!existsSync(join(ROOT, 'dist/src/server.js'))) throw new Error('the soaks run the built service: npm run build')
const names = process.argv.slice(2)
const unknown = names.filter((name) => SOAKS[name] === undefined)
if (unknown.length > 0) { throw new Error(`no such soak: ${unknown.join(', ')}; there are ${Object.keys(SOAKS).join(', ')}`) }

for (const [name, run] of Object.entries(SOAKS)) {
  if (names.length > 0 && !names.includes(name)) continue
  const start = Date.now()
  const { name: title, figures, failures } = await run()
  process.stdout.write(
    `${failures.length === 0 ? 'ok' : 'not ok'} - ${title} ${
      JSON.stringify({ ...figures, seconds: Math.round((Date.now() - start) / 1000) })
    }\n`,
  )
  for (const failure of failures) process.stdout.write(`  ${failure}\n`)
  if (failures.length > 0) process.exitCode = 1
}
