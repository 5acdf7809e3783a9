import { buildApp } from '../../src/app.js'
import { loadConfig } from '../../src/config.js'
import { ENVIRONMENT } from './app.js'

/**
 * Asks whoami of the service in front of each Kratos that is named, and prints how that went, a JSON line each. A
 * process of its own, because Node reads the authorities of NODE_EXTRA_CA_CERTS at its start only.
 */
for (const url of process.argv.slice(2)) {
  const lines: string[] = []
  const config = loadConfig({ ...ENVIRONMENT, KRATOS_PUBLIC_URL: url, DATABASE_URL: ':memory:' })
  const app = await buildApp(config, {
    log: {
      stream: {
        write: (line: string) => {
          lines.push(line)
        },
      },
    },
  })
  const { statusCode, body } = await app.inject({
    url: '/api/auth/whoami',
    headers: { 'x-session-token': `ory_st_${'a'.repeat(32)}` },
  })
  const { code } = JSON.parse(body) as { code: string }
  const failed = lines.find((line) => line.includes('"event":"request_failed"')) ?? '{}'
  const { cause = '' } = JSON.parse(failed) as { cause?: string }
  process.stdout.write(`${JSON.stringify({ url, statusCode, code, cause })}\n`)
  await app.close()
}
