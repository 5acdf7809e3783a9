#!/usr/bin/env node
import closeWithGrace from 'close-with-grace'
import { dev, DEV_HELP } from './dev.js'

/** Ctrl-C ends everything within this time. */
const SHUTDOWN_LIMIT_MS = 1500

/** A port that is taken is the usual case. */
function reason (error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  const isTaken = 'code' in error && error.code === 'EADDRINUSE' && 'port' in error
  return isTaken
    ? `port ${String(error.port)} is taken; free it or choose others with --public-port and --admin-port`
    : error.message
}

const [command = '', ...args] = process.argv.slice(2)
if (command === '--help' || args.includes('--help')) {
  process.stdout.write(DEV_HELP)
} else if (command !== 'dev') {
  process.stderr.write(`fastify-kratos has one command, dev:\n\n${DEV_HELP}`)
  process.exitCode = 1
} else {
  try {
    const kratos = await dev(args, (text) => process.stdout.write(text))
    closeWithGrace({ delay: SHUTDOWN_LIMIT_MS, logger: false }, async ({ err }) => {
      if (err !== undefined) process.stderr.write(`${err.stack ?? err.message}\n`)
      await kratos.close()
    })
  } catch (error) {
    process.stderr.write(`fastify-kratos dev cannot start: ${reason(error)}\n`)
    process.exitCode = 1
  }
}
