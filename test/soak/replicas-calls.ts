import { Pipe, type Reply, type SoakRequest } from './pipe.js'

export const headersOf = (token: string): Record<string, string> => ({ 'x-session-token': token })

export const quantile = (sorted: number[], part: number): number | undefined =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]

let requests = 0

/** Answers that this process was given so far. */
export const requestsAnswered = (): number => requests

/** One request on a connection of its own, by plain HTTP: fetch says that it is a browser. */
export async function ask (url: string, request: SoakRequest): Promise<Reply> {
  const pipe = new Pipe(Number(new URL(url).port))
  try {
    const reply = await pipe.one(request)
    requests++
    return reply
  } finally {
    pipe.close()
  }
}

export const statusOf = async (url: string, token: string): Promise<number> =>
  (await ask(url, { path: '/api/auth/whoami', headers: headersOf(token) })).status

export const requestIdIn = ({ head }: Reply): string => /\r\nx-request-id: (\S+)/i.exec(head)?.[1] ?? ''

export const logoutAt = (url: string, token: string): Promise<Reply> =>
  ask(url, { method: 'POST', path: '/api/auth/logout', headers: headersOf(token), body: {} })
