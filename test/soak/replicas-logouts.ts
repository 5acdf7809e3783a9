import { setTimeout as sleep } from 'node:timers/promises'
import { logoutAt, statusOf } from './replicas-calls.js'
import type { StandIn } from './stand-in.js'

export const USERS = 200
const POLL_MS = 10
const LATEST_MS = 15_000

/** Milliseconds after "logged out" until a replica says 401. */
async function lastAccepted (url: string, token: string, since: number): Promise<number> {
  for (let accepted = 0; ;) {
    const askedAt = performance.now()
    if (await statusOf(url, token) === 401) return accepted
    accepted = askedAt - since
    if (accepted > LATEST_MS) return accepted
    await sleep(POLL_MS)
  }
}

/** One session, kept by all replicas, is ended at one of them; when each accepted it last. */
async function logOut (kratos: StandIn, urls: string[], user: number): Promise<number[]> {
  const [token = ''] = await kratos.issue([{ user, sealed: false }])
  const before = await Promise.all(urls.map((url) => statusOf(url, token)))
  if (before.some((status) => status !== 200)) throw new Error(`a valid session is answered ${before.join()}`)
  const { status, body } = await logoutAt(urls[user % urls.length] ?? '', token)
  if (status !== 200) throw new Error(`logout is answered ${status} ${body}`)
  const since = performance.now()
  return await Promise.all(urls.map((url) => lastAccepted(url, token, since)))
}

const inOrder = (values: number[][]): number[] => values.flat().map(Math.round).sort((one, other) => one - other)

export async function logOutMany (kratos: StandIn, urls: string[], count: number, lanes: number): Promise<number[]> {
  const times: number[][] = []
  let started = 0
  await Promise.all(Array.from({ length: lanes }, async () => {
    while (started < count) times.push(await logOut(kratos, urls, started++ % USERS))
  }))
  return inOrder(times)
}
