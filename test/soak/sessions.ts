import { randomUUID } from 'node:crypto'
import type { Pipe, Reply, SoakRequest } from './pipe.js'

/** A session as a client holds it: a token that an API flow gave, or the sealed cookie of a browser flow. */
export interface HeldSession {
  value: string
  sealed: boolean
}

export const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)] as T

/** The headers that prove a session, in one of the forms that the service takes. */
export function proof ({ value, sealed }: HeldSession): Record<string, string> {
  const cookie = { cookie: `theme=dark; ory_kratos_session=${value}` }
  return sealed
    ? cookie
    : pick<Record<string, string>>([cookie, { 'x-session-token': value }, { authorization: `Bearer ${value}` }])
}

/** An address of its own for each submit: how many may come from one is another test's business. */
const address = (): string => `10.${[0, 0, 0].map(() => Math.floor(Math.random() * 256)).join('.')}`

/** Logs a user in by an API or a browser flow, through the service. */
export async function login (pipe: Pipe, user: number, sealed: boolean): Promise<HeldSession> {
  const body = {
    flow_id: randomUUID(),
    identifier: `user-${user}@example.test`,
    password: 'Xq7-velvet-harbor-42',
    ...(sealed && { csrf_token: 'x' }),
  }
  const reply = await pipe.one({
    method: 'POST',
    path: '/api/auth/flows/login',
    headers: { 'x-forwarded-for': address() },
    body,
  })
  const value = /\r\nset-cookie: ory_kratos_session=([^;]+)/i.exec(reply.head)?.[1]
  if (reply.status !== 200 || value === undefined) { throw new Error(`login answered ${reply.status} ${reply.body.slice(0, 200)}`) }
  return { value, sealed }
}

/** Logs out in one step or by the logout URL; the answer is for the caller to judge. */
export async function logout (pipe: Pipe, session: HeldSession): Promise<Reply> {
  const headers = proof(session)
  if (Math.random() < 0.6) return await pipe.one({ method: 'POST', path: '/api/auth/logout', headers, body: {} })
  const started = await pipe.one({ path: '/api/auth/flows/logout', headers })
  const url = /"logout_url":"([^"]+)"/.exec(started.body)?.[1]
  if (url === undefined) return started
  return await pipe.one({
    path: new URL(url).pathname + new URL(url).search,
    headers: { ...headers, accept: 'application/json' },
  })
}

/** A guarded request, and the identity that its answer speaks of. */
export const GUARDED: SoakRequest[] = [
  { path: '/api/auth/whoami' },
  { path: '/api/auth/whoami?full=true' },
  { path: '/api/auth/whoami' },
  { path: '/api/documents?limit=1' },
]

/** The identity id of a guarded answer: whoami's own, or the owner of the documents. */
export const identityIn = ({ body }: Reply): string | undefined => /"(?:user_)?id":"([0-9a-f-]{36})"/.exec(body)?.[1]
