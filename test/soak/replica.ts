import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { START_FLAGS } from '../../bench/start-flags.js'
import { ENVIRONMENT } from '../support/app.js'
import { ROOT } from '../support/process.js'

export interface Replica {
  port: number
  /** Ends it by SIGTERM and starts it again on its port; resolves when it is ready. */
  restart: () => Promise<void>
  stop: () => Promise<void>
}

export const isReady = (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/health/ready`).then(({ status }) => status === 200, () => false)

/** The built service with what production has by default. */
export async function startReplica (port: number, env: Record<string, string>): Promise<Replica> {
  const start = async () => {
    const child = spawn(process.execPath, [...START_FLAGS, 'dist/src/server.js'], {
      cwd: ROOT,
      env: {
        PATH: process.env['PATH'],
        ...ENVIRONMENT,
        // Empty is not set; with 0 the soak of restarts fails.
        SHUTDOWN_DELAY_MS: process.env['SHUTDOWN_DELAY_MS'] ?? '',
        MAX_IN_FLIGHT: '',
        MAX_EVENT_LOOP_DELAY_MS: '',
        LOG_LEVEL: 'warn',
        HOST: '127.0.0.1',
        PORT: String(port),
        ...env,
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    while (!await isReady(port)) {
      if (child.exitCode !== null) throw new Error(`the service ended with ${child.exitCode}`)
      await sleep(50)
    }
    return child
  }
  let child = await start()
  const stop = async (): Promise<void> => {
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    await ended
  }
  return {
    port,
    stop,
    restart: async () => {
      await stop()
      child = await start()
    },
  }
}
