import { SERVICE, subject } from './lab.js'
import type { Subject } from './measure.js'
import { UsageError } from './options.js'
import { tokens, WHOAMI_PATH } from './requests.js'
import { type Scenario, target } from './scenarios.js'

/**
 * Sessions to make where none were given: with four for each connection two requests of one session do not meet, so
 * none shares a call.
 */
const SESSIONS = 256

async function json (answer: Response): Promise<Record<string, unknown>> {
  const text = await answer.text()
  if (answer.status !== 200) {
    throw new UsageError(
      `Kratos answered ${answer.status} to a registration; give sessions with --token: ${text.slice(0, 400)}`,
    )
  }
  return JSON.parse(text) as Record<string, unknown>
}

/** Registers one identity with an e-mail address and gives its session's token. It stays in that Kratos. */
async function register (kratosUrl: string): Promise<string> {
  const flow = await json(await fetch(`${kratosUrl}/self-service/registration/api`))
  const email = `bench-${crypto.randomUUID()}@example.test`
  const { session_token: token } = await json(
    await fetch(`${kratosUrl}/self-service/registration?flow=${String(flow['id'])}`, {
      method: 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/json' },
      body: JSON.stringify({ method: 'password', password: `velvet-${crypto.randomUUID()}`, traits: { email } }),
    }),
  )
  if (typeof token !== 'string') {
    throw new UsageError(
      'Kratos gives no session after a registration (the session hook is missing); give sessions with --token',
    )
  }
  return token
}

async function makeSessions (kratosUrl: string): Promise<string[]> {
  const isThere = await fetch(`${kratosUrl}/health/ready`).then(({ ok }) => ok, () => false)
  if (!isThere) throw new UsageError('the Kratos of --kratos or KRATOS_PUBLIC_URL is not ready')
  const made: string[] = []
  // One after the other: a Kratos on SQLite refuses writes that meet.
  while (made.length < SESSIONS) made.push(await register(kratosUrl))
  return made
}

/** Asking a real Kratos through the service, uncached, against asking it directly. */
export const realKratos = (kratosUrl: string, given: readonly string[]): Scenario => ({
  name: 'real-kratos',
  plan: async (bench) => {
    const kratos = { url: kratosUrl }
    const list = given.length > 0 ? given : await makeSessions(kratosUrl)
    const service = await bench.lab.service(kratos, { SESSION_CACHE_MAX_AGE: '0' })
    const through = subject(service, kratos, tokens(list, WHOAMI_PATH, '"authenticated":true'))
    const direct: Subject = {
      url: kratosUrl,
      requests: tokens(list, '/sessions/whoami', '"active":true'),
      isGuarded: true,
    }
    return {
      targets: [target(bench, SERVICE, through), target(bench, 'Kratos directly', direct)],
      comparisons: [{
        subject: SERVICE,
        against: 'Kratos directly',
        figure: 'rate',
        better: 'more',
        must: 0.8,
        aim: 0.88,
      }],
    }
  },
})
