import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { envelopeProblems } from './envelope.js'
import { SECURITY_HEADERS } from './raw-http.js'

const isMissing = (value: unknown, expected: string | RegExp): boolean =>
  typeof expected === 'string' ? value !== expected : !expected.test(String(value))

/** A session token leaves in the cookie, never in a body that page scripts read; a native client asks for it (B26). */
const leaksToken = (request: FastifyRequest, payload: unknown): boolean =>
  /^\/api\//.test(request.url) && !/[?&]transport=token/.test(request.url) && typeof payload === 'string' &&
  /ory_st_[A-Za-z0-9]{16}/.test(payload)

const CHALLENGE = /^Bearer(?: realm="https?:\/\/[^"]+")?$/

function problemsOf (request: FastifyRequest, reply: FastifyReply, payload: unknown): string[] {
  const { statusCode } = reply
  const route = request.routeOptions.url
  // What Kratos answers under /kratos is Kratos' own to declare and to cache.
  const isKratos = route?.startsWith('/kratos/') === true
  // The viewer of the API document brings its own routes.
  const isViewer = route?.startsWith('/docs') === true
  const isRoute = route !== undefined && request.method !== 'OPTIONS' && !isKratos && !isViewer
  const missing = Object.entries(SECURITY_HEADERS).filter(([name, expected]) =>
    isMissing(reply.getHeader(name), expected),
  ).map(([name]) => name)
  return [
    ...(isRoute && reply.getSerializationFunction(String(statusCode)) === undefined
      ? [`does not declare ${statusCode}`]
      : []),
    ...(statusCode >= 400 && typeof payload === 'string' && payload !== ''
      ? envelopeProblems(payload).map((problem) => `${statusCode} is no envelope: ${problem}`)
      : []),
    // Kratos' own 401 under /kratos is Kratos' (RFC 9110, section 15.5.2).
    ...(statusCode === 401 && !isKratos && !CHALLENGE.test(String(reply.getHeader('www-authenticate')))
      ? ['401 without a challenge']
      : []),
    ...(leaksToken(request, payload) ? [`${statusCode} with a session token in its body`] : []),
    ...missing.filter((name) => !(isKratos || isViewer) || name !== 'cache-control').map((name) => `${statusCode} without ${name}`),
  ]
}

/**
 * Looks at every answer of an app: its status is one that the route declares (habit 15), a failure is an envelope
 * (O03), the headers of any answer are there (C16), and no session token is in a body (B26).
 */
export function watchAnswers (app: FastifyInstance, complain: (problem: string) => void): void {
  app.addHook('onSend', async (request, reply, payload) => {
    for (const problem of problemsOf(request, reply, payload)) { complain(`${request.method} ${request.routeOptions.url ?? request.url.slice(0, 80)}: ${problem}`) }
  })
}
