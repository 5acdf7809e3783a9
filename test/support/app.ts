import { mkdtempSync, rmSync } from 'node:fs'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { buildApp } from '../../src/app.js'
import { loadConfig } from '../../src/config.js'
import { openStore } from '../../src/service/store/store.js'
import { watchAnswers } from './answers.js'

export const FRONTEND = 'http://localhost:3001'
export const PUBLIC_URL = 'http://localhost:3000'
export const WEBHOOK_KEY = 'a-key-of-the-test-suite-that-is-long-enough'

/** Port 9 (discard) is closed on any machine that runs tests: a Kratos that refuses connections. */
export const REFUSING_URL = 'http://127.0.0.1:9'

/** Everything `src/server.ts` insists on. */
export const ENVIRONMENT: Record<string, string> = {
  PUBLIC_URL,
  CORS_ORIGINS: FRONTEND,
  KRATOS_PUBLIC_URL: REFUSING_URL,
  KRATOS_ADMIN_URL: 'http://127.0.0.1:10',
  WEBHOOK_KEY,
  LOG_LEVEL: 'trace',
  // Tests count what reaches Kratos, and say themselves when they want the warnings.
  START_CHECKS: 'false',
  // No load balancer waits for a test.
  SHUTDOWN_DELAY_MS: '0',
  // Tests put hundreds of requests to work at once, on machines that are late: load shedding has a test of its own.
  MAX_IN_FLIGHT: '100000',
  MAX_EVENT_LOOP_DELAY_MS: '60000',
  // Nor is a Kratos late because the machine is: who tests a deadline names it.
  WHOAMI_DEADLINE_MS: '60000',
  SUBMIT_DEADLINE_MS: '60000',
  KRATOS_DEADLINE_MS: '60000',
  // All users of a suite come from one address, and some log in many times a second.
  LOGIN_LIMIT_PER_ADDRESS: '100000',
  LOGIN_LIMIT_PER_IDENTIFIER: '100000',
  LOGIN_LIMIT_BURST: '100000',
  LOGIN_LIMIT_FAILING_CREDENTIALS: '100000',
}

/** The same for the options of the plugin. */
export const PATIENT = { deadlines: { whoamiMs: 60_000, submitMs: 60_000, otherMs: 60_000 } }

/** A folder that goes with the test. */
export async function temporaryFolder (t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fastify-kratos-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

let migrated: Promise<string> | undefined

/** A SQLite file without a row, made once in a process: to write its tables takes as long as all else of a start. */
async function makeMigrated (): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'fastify-kratos-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'migrated.db')
  await (await openStore({ url: file })).close()
  return file
}

/** A database of a test's own, as one that the service has made. */
async function newDatabase (t: Test): Promise<string> {
  migrated ??= makeMigrated()
  const file = join(await temporaryFolder(t), 'app.db')
  await copyFile(await migrated, file)
  return file
}

export interface BuiltApp {
  app: FastifyInstance
  /** Every log line so far, as written. */
  logs: () => string[]
  /** How often a handler was reached. */
  handled: () => number
}

/**
 * The service as production builds it, on a SQLite file of its own, closed with the test; not ready, so that a test can
 * add routes.
 */
export async function construct (t: Test, env: Record<string, string> = {}): Promise<Pick<BuiltApp, 'app' | 'logs'>> {
  const lines: string[] = []
  const DATABASE_URL = env['DATABASE_URL'] ?? await newDatabase(t)
  const config = loadConfig({ ...ENVIRONMENT, ...env, DATABASE_URL })
  const app = await buildApp(config, {
    log: {
      stream: {
        write: (line: string) => {
          lines.push(line)
        },
      },
    },
  })
  t.teardown(() => app.close())
  return { app, logs: () => lines }
}

/** The service, ready. Any answer that is not as the service publishes its answers fails the test. */
export async function build (t: Test, env: Record<string, string> = {}): Promise<BuiltApp> {
  const { app, logs } = await construct(t, env)
  watchAnswers(app, (problem) => t.fail(problem))
  let handled = 0
  app.addHook('preHandler', async () => {
    handled++
  })
  await app.ready()
  return { app, logs, handled: () => handled }
}
