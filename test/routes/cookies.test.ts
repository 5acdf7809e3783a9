import type { Test } from 'tap'
import Fastify, { type InjectOptions } from 'fastify'
import { ConfigError, loadConfig } from '../../src/config.js'
import fastifyKratos from '../../src/plugin.js'
import { build, ENVIRONMENT, FRONTEND, REFUSING_URL } from '../support/app.js'
import { answer, type FaultServer, startFaultServer } from '../support/fault-server.js'
import { ID, SESSION, NO_SESSION_BODY } from '../support/faults.js'
import { buildWithKratos, get, post, setCookies, signUp, signUpInBrowser } from '../support/kratos.js'
import { embeddedOnly } from '../support/target.js'

const HTTPS = 'https://api.example.com'
const PREFIXED = [
  '__Host-session',
  '__Secure-session',
  '__host-session',
  '__SECURE-session',
  '__Http-session',
  '__Host-Http-session',
]

/** What a browser asks of a cookie named `__Host-…` (RFC 6265bis, section 4.1.3.2), and HttpOnly. */
function isHostOnly (t: Test, line: string): void {
  const attributes = line.split('; ').slice(1)
  for (const attribute of ['Path=/', 'Secure', 'HttpOnly', 'SameSite=Lax']) { t.ok(attributes.includes(attribute), `${attribute} in ${line}`) }
  t.notMatch(line, /domain/i)
}

const json = (method: 'POST' | 'DELETE' | 'PATCH', url: string, payload: object = {}): InjectOptions => ({
  method,
  url,
  payload,
  headers: { origin: FRONTEND },
})
/** Every route that needs a session. */
const GUARDED: InjectOptions[] = [
  { url: '/api/auth/whoami' },
  { url: '/api/auth/flows/logout' },
  json('POST', '/api/auth/logout'),
  { url: '/api/auth/logout?token=x', headers: { accept: 'application/json' } },
  { url: '/api/auth/sessions' },
  json('DELETE', '/api/auth/sessions'),
  json('DELETE', `/api/auth/sessions/${ID}`),
  json('DELETE', '/api/auth/account'),
  { url: '/api/documents' },
  json('POST', '/api/documents', { title: 't', content: 'c' }),
  { url: `/api/documents/${ID}` },
  json('PATCH', `/api/documents/${ID}`, { title: 't' }),
  json('DELETE', `/api/documents/${ID}`),
]
const TOKEN = `ory_st_${'a1B2'.repeat(8)}`
/** Session cookies that no Kratos ever made, as they stand in the header. */
const UNUSABLE = [
  '',
  '""',
  `"${TOKEN}"`,
  'ory_st_',
  'ory_st_é',
  `${TOKEN}.x`,
  `${TOKEN}%00`,
  'a%0d%0aX-Admin:%201',
  'a\u0001b',
  'a b',
  'a,b',
  '{"a":1}',
  '../../admin',
  '%',
  '=',
  '===',
  'a=b=c',
  '\u00ff\u00fe',
  `ory_st_${'a'.repeat(122)}`,
  `ory_st_${'a'.repeat(10_000)}`,
  'a'.repeat(4097),
  'a'.repeat(12_000),
  `${'a'.repeat(4096)}==`,
]

const upstream = ({ requests }: FaultServer) => ({
  token: requests.at(-1)?.header('x-session-token'),
  cookie: requests.at(-1)?.header('cookie'),
})

export default async function (t: Test): Promise<void> {
  t.test('a session cookie with a prefix that browsers keep from https only', async (t) => {
    const problemsOf = (env: Record<string, string>): string[] => {
      try {
        loadConfig({ ...ENVIRONMENT, ...env })
        return []
      } catch (error) {
        if (error instanceof ConfigError) return error.problems
        throw error
      }
    }
    const register = (options: object): Promise<unknown> => {
      const app = Fastify()
      t.teardown(() => app.close())
      const registered = Promise.resolve(app.register(fastifyKratos, { publicUrl: REFUSING_URL, ...options }))
      return registered.catch((error: Error) => error.message)
    }

    t.test('starts the service with an https PUBLIC_URL only', async (t) => {
      for (const SESSION_COOKIE_NAME of PREFIXED) {
        t.same(problemsOf({ SESSION_COOKIE_NAME, PUBLIC_URL: HTTPS }), [], SESSION_COOKIE_NAME)
        t.same(
          problemsOf({ SESSION_COOKIE_NAME, PUBLIC_URL: 'HTTPS://api.example.com' }),
          [],
          'a scheme in capitals is the same scheme',
        )
        for (const PUBLIC_URL of ['http://api.example.com', 'http://localhost:3000']) {
          t.match(problemsOf({ SESSION_COOKIE_NAME, PUBLIC_URL }), [
            /^SESSION_COOKIE_NAME is not valid: it wants .*https PUBLIC_URL$/,
          ], `${SESSION_COOKIE_NAME} at ${PUBLIC_URL}`)
        }
      }
      for (const SESSION_COOKIE_NAME of ['__Hostsession', 'my__Host-session', '_Host-session', 'session']) { t.same(problemsOf({ SESSION_COOKIE_NAME }), [], SESSION_COOKIE_NAME) }
      t.same(problemsOf({ SESSION_COOKIE_NAME: '__Host-a b' }).length, 1, 'one line, whatever is wrong with the name')
    })

    t.test('starts the plugin with an https baseUrl only', async (t) => {
      for (const cookieName of PREFIXED) {
        t.not(typeof await register({ cookieName, baseUrl: HTTPS }), 'string', cookieName)
        for (const baseUrl of ['http://localhost:3000', undefined]) {
          t.equal(
            await register({ cookieName, baseUrl }),
            'fastify-kratos: cookieName is not valid: it wants no __Host- or __Secure-, or an https baseUrl',
          )
        }
      }
    })

    t.test(
      'keeps the rules of its prefix, minted and deleted, and sessions work by it',
      embeddedOnly('a cookie name'),
      async (t) => {
        const name = '__Host-session'
        const { app } = await buildWithKratos(t, {
          env: { SESSION_COOKIE_NAME: name, PUBLIC_URL: 'HTTPS://api.example.com' },
          overrides: { session: { cookie: { name } } },
        })
        const own = (lines: string[]): string => lines.find((line) => line.startsWith(`${name}=`)) ?? ''
        for (const enter of [signUp, signUpInBrowser]) {
          const { cookie, answer: entered } = await enter(app)
          t.match(cookie, `${name}=`)
          t.equal((await get(app, '/api/auth/whoami', { cookie })).statusCode, 200, 'the session counts')
          if (enter === signUp) isHostOnly(t, own(setCookies(entered)))
          const left = await post(app, '/api/auth/logout', {}, { cookie, origin: FRONTEND })
          t.equal(left.statusCode, 200)
          if (enter === signUp) isHostOnly(t, own(setCookies(left)))
          t.match(own(setCookies(left)), /Max-Age=0/, 'it goes with the session')
        }
        const conflict = await get(app, '/api/auth/whoami', { cookie: `${name}=a; ${name}=b`, host: 'api.example.com' })
        t.ok(setCookies(conflict).every((line) => / Domain=(?:api\.)?example\.com;/.test(line)), 'ours stays')
        t.equal(conflict.headers['strict-transport-security'], 'max-age=31536000', 'https in capitals is https')
      },
    )
  })

  t.test('a session cookie that cannot be one is 401 on every guarded route, never 5xx, and Kratos is not called (B05, B06, B08)', async (t) => {
    const kratos = await startFaultServer(t, answer(200, SESSION))
    const { app } = await build(t, { KRATOS_PUBLIC_URL: kratos.url })
    for (const request of GUARDED) {
      const wrong: string[] = []
      for (const value of UNUSABLE) {
        for (const cookie of [`ory_kratos_session=${value}`, `a=1; ory_kratos_session=${value}; b="`]) {
          const withCookie = { ...request, headers: { ...request.headers, cookie } }
          const { statusCode, body, headers } = await app.inject(withCookie)
          const isRight = statusCode === 401 &&
            body === JSON.stringify(NO_SESSION_BODY) &&
            headers['cache-control'] === 'no-store'
          if (!isRight) wrong.push(`${value.slice(0, 30)}: ${statusCode} ${body}`)
        }
      }
      t.same(wrong, [], `${request.method ?? 'GET'} ${String(request.url)}`)
    }
    t.equal(kratos.requests.length, 0)
  })

  t.test('cookies that break the grammar do not hide a good one, and none of them goes up', async (t) => {
    const kratos = await startFaultServer(t, answer(200, SESSION))
    const { app } = await build(t, { KRATOS_PUBLIC_URL: kratos.url })
    for (
      const noise of [
        'a',
        '=x',
        ';;;',
        'a="b;c"',
        'a=b,c',
        '\u00ff=1',
        'ory_kratos_session_2=x',
        'xory_kratos_session=x',
        'ORY_KRATOS_SESSION=x',
        '$Version=1',
        ' ',
        `big=${'x'.repeat(10_000)}`,
        'csrf_token_x=1',
        '__proto__=1',
      ]
    ) {
      t.equal(
        (await get(app, '/api/auth/whoami', { cookie: `${noise}; ory_kratos_session=${TOKEN}; ${noise}` })).statusCode,
        200,
        noise.slice(0, 30),
      )
      t.same(upstream(kratos), { token: [TOKEN], cookie: [] }, 'the credential alone')
    }
  })
}
