import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/*
 * A Kratos that knows nothing but sessions, fast enough to be asked a million times: whoami, login and logout as
 * v26.2.0 answers them (docs/kratos-facts.md, section 1, 10, 11), with delays before and after the moment at which it
 * decides. An answer "active" that was decided before a logout and arrives after it is what a cache must not keep.
 */

export interface StandInOptions {
  /** Longest delay before a decision, and between decision and answer, in milliseconds; 0: none. */
  delayMs: number
  /** Part of the whoami calls whose connection is reset instead of an answer. */
  resets: number
}

interface Session {
  user: number
  id: string
  logoutToken: string
}

/** An identity as the clients of a soak know it too. */
export const identityOf = (user: number): { id: string, traits: { email: string } } => ({
  id: `5eed0000-0000-4000-8000-${user.toString(16).padStart(12, '0')}`,
  traits: { email: `user-${user}@example.test` },
})

const EXPIRES_AT = '2099-01-01T00:00:00Z'
const sessionJson = ({ user, id }: Session) => ({
  id,
  active: true,
  expires_at: EXPIRES_AT,
  authenticated_at: '2026-01-01T00:00:00Z',
  authenticator_assurance_level: 'aal1',
  identity: identityOf(user),
})
const NOBODY = { error: { id: 'session_inactive', code: 401, status: 'Unauthorized', message: 'No valid session' } }

/** A flow as its start gives it, and as a submit gives it back. */
const flowJson = (messages: object[] = []) => ({
  id: randomUUID(),
  type: 'api',
  issued_at: '2026-01-01T00:00:00Z',
  expires_at: EXPIRES_AT,
  request_url: 'http://kratos/',
  ui: { action: 'http://kratos/self-service/login', method: 'POST', nodes: [], messages },
})
const WRONG = { id: 4000006, type: 'error', text: 'The provided credentials are invalid' }
const REFUSED = { status: 400, body: flowJson([WRONG]) }
/** As large as an answer may be. */
const LARGE = { status: 200, body: { text: 'x'.repeat(1_000_000) } }

const read = async (request: IncomingMessage): Promise<Record<string, unknown>> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>
}

/** The one credential of a call, whatever its form; nothing else is looked at (recording 30). */
function credentialOf ({ headers }: IncomingMessage): string | undefined {
  const token = headers['x-session-token'] ?? /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1]
  return typeof token === 'string' ? token : /(?:^|; )ory_kratos_session=([^;]+)/.exec(headers.cookie ?? '')?.[1]
}

type Decision = { status: number, body?: object, headers?: Record<string, string | string[]> }

function createKratos () {
  const sessions = new Map<string, Session>()
  const ended = new Set<string>()

  function issue (user: number, sealed: boolean): string {
    const value = sealed
      ? `MTc5${randomBytes(60).toString('base64url')}`
      : `ory_st_${randomBytes(24).toString('base64url').replaceAll(/[-_]/g, 'x')}`
    sessions.set(value, { user, id: randomUUID(), logoutToken: `ory_lo_${randomBytes(18).toString('hex')}` })
    return value
  }

  const whoami = (credential: string | undefined): Decision => {
    const session = sessions.get(credential ?? '')
    return session === undefined
      ? { status: 401, body: NOBODY }
      : { status: 200, body: sessionJson(session), headers: { 'ory-session-cache-for': '86400' } }
  }

  function login ({ identifier, csrf_token: csrfToken }: Record<string, unknown>): Decision {
    if (!/^user-\d+@/.test(String(identifier))) return REFUSED
    const sealed = typeof csrfToken === 'string' && csrfToken !== ''
    const value = issue(Number(/\d+/.exec(String(identifier))?.[0]), sealed)
    const session = sessionJson(sessions.get(value) as Session)
    return sealed
      ? {
          status: 200,
          body: { session },
          headers: { 'set-cookie': [`ory_kratos_session=${value}; Path=/; HttpOnly; SameSite=Lax`] },
        }
      : { status: 200, body: { session, session_token: value } }
  }

  function revoke ({ session_token: token }: Record<string, unknown>): Decision {
    if (sessions.delete(String(token))) ended.add(String(token))
    // Of a revoked token 204 again, of an unknown one 403 (recording 42).
    return ended.has(String(token)) ? { status: 204 } : { status: 403, body: { error: { code: 403 } } }
  }

  function initLogout (credential: string | undefined): Decision {
    const session = sessions.get(credential ?? '')
    return session === undefined
      ? { status: 401, body: NOBODY }
      : {
          status: 200,
          body: {
            logout_url: `http://kratos/self-service/logout?token=${session.logoutToken}`,
            logout_token: session.logoutToken,
          },
        }
  }

  function completeLogout (credential: string | undefined, token: string | null): Decision {
    const session = sessions.get(credential ?? '')
    if (session === undefined) return { status: 401, body: NOBODY }
    if (session.logoutToken !== token) return { status: 403, body: { error: { code: 403 } } }
    sessions.delete(credential ?? '')
    return { status: 204 }
  }

  async function decide (request: IncomingMessage, url: URL): Promise<Decision> {
    const credential = credentialOf(request)
    switch (`${request.method} ${url.pathname}`) {
      case 'GET /sessions/whoami':
      case 'HEAD /sessions/whoami':
        return whoami(credential)
      case 'POST /self-service/login':
        return login(await read(request))
      case 'DELETE /self-service/logout/api':
        return revoke(await read(request))
      case 'GET /self-service/logout/browser':
        return initLogout(credential)
      case 'GET /self-service/logout':
        return completeLogout(credential, url.searchParams.get('token'))
      case 'POST /self-service/settings':
      case 'PUT /self-service/settings':
        return { status: 401, body: NOBODY }
      case 'GET /self-service/login/api':
        return { status: 200, body: flowJson() }
      case 'GET /schemas/large':
        return LARGE
      case 'GET /health/ready':
        return { status: 200, body: { status: 'ok' } }
      default:
        return { status: 404, body: { error: { code: 404 } } }
    }
  }

  return { issue, decide }
}

function send (response: ServerResponse, { status, body, headers = {} }: Decision, user: string | undefined): void {
  const text = body === undefined ? '' : JSON.stringify(body)
  // What a HEAD is asked for (recording 31).
  const who = user === undefined ? {} : { 'x-kratos-authenticated-identity-id': user }
  response.writeHead(status, {
    ...headers,
    ...who,
    ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
  })
  response.end(response.req.method === 'HEAD' ? '' : text)
}

/** In its own process: it would otherwise take turns with the clients whose answers it decides. */
function serve ({ delayMs, resets }: StandInOptions): void {
  const kratos = createKratos()
  const delay = (): Promise<unknown> | undefined =>
    delayMs > 0 && Math.random() < 0.7 ? sleep(Math.random() * delayMs) : undefined
  async function answer (request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://kratos')
    const isWhoami = url.pathname === '/sessions/whoami'
    if (isWhoami && Math.random() < resets) {
      request.socket.resetAndDestroy()
      return
    }
    await delay()
    const decision = await kratos.decide(request, url)
    await delay()
    const { identity } = (decision.body ?? {}) as { identity?: { id: string } }
    send(response, decision, isWhoami ? identity?.id : undefined)
  }
  // A call that the service gives up while its body is read has nobody to answer.
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    answer(request, response).catch(() => {})
  })
  server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
  process.on('message', ({ issue }: { issue: Array<{ user: number, sealed: boolean }> }) => {
    process.send?.({ issued: issue.map(({ user, sealed }) => kratos.issue(user, sealed)) })
  })
  process.on('disconnect', () => process.exit(0))
}

export interface StandIn {
  url: string
  /** Sessions that nobody logged in for, in the order asked for. */
  issue: (wanted: Array<{ user: number, sealed: boolean }>) => Promise<string[]>
  stop: () => void
}

export async function startStandIn (options: StandInOptions): Promise<StandIn> {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), [JSON.stringify(options)], {
    execArgv: ['--import', 'tsx'],
  })
  const [{ port }] = await once(child, 'message') as [{ port: number }]
  // Answers come in the order of the questions.
  const asking: Array<(issued: string[]) => void> = []
  child.on('message', ({ issued }: { issued: string[] }) => asking.shift()?.(issued))
  return {
    url: `http://127.0.0.1:${port}`,
    issue: (wanted) =>
      new Promise((resolve) => {
        asking.push(resolve)
        child.send({ issue: wanted })
      }),
    stop: () => {
      child.disconnect()
    },
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) serve(JSON.parse(process.argv[2] ?? '{}') as StandInOptions)
