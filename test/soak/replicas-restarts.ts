import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { WEBHOOK_KEY } from '../support/app.js'
import { ask, headersOf, logoutAt, requestIdIn, statusOf } from './replicas-calls.js'
import { USERS } from './replicas-logouts.js'
import { numberFrom } from './result.js'
import type { SoakedService } from './service.js'
import type { StandIn } from './stand-in.js'

/** Rounds in which each replica is restarted in good order. */
const ROLLS = numberFrom('SOAK_ROLLS', 2)
const KILLS = numberFrom('SOAK_KILLS', 8)
const KILL_SECONDS = numberFrom('SOAK_KILL_SECONDS', 3)
const PAUSE_MS = numberFrom('SOAK_PAUSE_MS', 20)
const WRITERS = 4
const LEAVERS = 2
/** A kept session may be used for so long where nobody said that it ended. */
const KEPT_MS = 5000
/** As long as an answer may wait for its event. */
const EVENT_MS = 200
const SETTLE_MS = 500

/** What was acknowledged, and what should not have been answered so. */
export interface Account {
  documents: string[]
  users: string[]
  changed: string[]
  /** Requests that logged out, by their ids; those that were answered before the event could be certain apart. */
  logouts: string[]
  slowLogouts: string[]
  sent: number
  falseRefusals: number
  late: number
  badExits: number
}

/** As Kratos does after a registration and a change; whether it was acknowledged. */
async function tellUser (url: string, id: string, isNew: boolean): Promise<boolean> {
  const updated = isNew ? '2026-01-01T00:00:00Z' : '2026-01-02T00:00:00Z'
  const reply = await ask(url, {
    method: 'POST',
    path: `/internal/auth/user-${isNew ? 'created' : 'updated'}`,
    headers: { 'x-webhook-key': WEBHOOK_KEY },
    body: { identity: { id, traits: { email: `${isNew ? id : `new-${id}`}@example.test` }, updated_at: updated } },
  }).catch(() => undefined)
  return reply?.status === 200
}

/** Load on all replicas while each is restarted in good order, and killed, again and again. */
export async function restartUnderLoad (
  kratos: StandIn,
  replicas: SoakedService[],
  restart: (index: number) => Promise<SoakedService>,
): Promise<Account> {
  const tokens = await kratos.issue(Array.from({ length: USERS }, (_, user) => ({ user, sealed: false })))
  const account: Account = {
    documents: [],
    users: [],
    changed: [],
    logouts: [],
    slowLogouts: [],
    sent: 0,
    falseRefusals: 0,
    late: 0,
    badExits: 0,
  }
  const over = new AbortController()
  const urlOf = (number: number): string => (replicas[number % replicas.length] as SoakedService).url

  async function write (lane: number): Promise<void> {
    while (!over.signal.aborted) {
      const number = account.sent++
      const reply = await ask(urlOf(number + lane), {
        method: 'POST',
        path: '/api/documents',
        headers: headersOf(tokens[number % USERS] ?? ''),
        body: { title: `Document ${number}`, content: 'x' },
      }).catch(() => undefined)
      if (reply?.status === 401) account.falseRefusals++
      const id = /"id":"([0-9a-f-]{36})"/.exec(reply?.body ?? '')?.[1]
      if (reply?.status === 201 && id !== undefined) account.documents.push(id)
      const user = randomUUID()
      const isTold = await tellUser(urlOf(number + lane), user, true)
      if (isTold) account.users.push(user)
      const isChanged = isTold && number % 4 === 0 && await tellUser(urlOf(number + lane + 1), user, false)
      if (isChanged) account.changed.push(user)
      await sleep(PAUSE_MS)
    }
  }

  const checks: Array<Promise<void>> = []

  /** Nobody accepts it when the time is over for which a kept session may be used unheard. */
  async function checkLater (token: string): Promise<void> {
    await sleep(KEPT_MS)
    const statuses = await Promise.all(replicas.map(({ url }) => statusOf(url, token).catch(() => 0)))
    account.late += statuses.filter((status) => status === 200).length
  }

  async function leave (lane: number): Promise<void> {
    for (let number = lane; !over.signal.aborted; number += LEAVERS) {
      await sleep(10 * PAUSE_MS)
      const [token = ''] = await kratos.issue([{ user: number % USERS, sealed: false }])
      const known = await Promise.all(replicas.map(({ url }) => statusOf(url, token).catch(() => 0)))
      account.falseRefusals += known.filter((status) => status === 401).length
      const begun = performance.now()
      const reply = await logoutAt(urlOf(number), token).catch(() => undefined)
      if (reply?.status !== 200) continue
      const isSlow = performance.now() - begun >= EVENT_MS
      account[isSlow ? 'slowLogouts' : 'logouts'].push(requestIdIn(reply))
      checks.push(checkLater(token))
    }
  }

  const load = [
    ...Array.from({ length: WRITERS }, (_, lane) => write(lane)),
    ...Array.from({ length: LEAVERS }, (_, lane) => leave(lane)),
  ]
  for (let roll = 0; roll < ROLLS * replicas.length; roll++) {
    const index = roll % replicas.length
    if (await replicas[index]?.stop() !== 0) account.badExits++
    replicas[index] = await restart(index)
    await sleep(SETTLE_MS)
  }
  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(KILL_SECONDS * 1000)
    const index = kill % replicas.length
    await replicas[index]?.kill()
    replicas[index] = await restart(index)
  }
  over.abort()
  await Promise.all(load)
  await Promise.all(checks)
  return account
}

export const ROUNDS = { rolls: ROLLS, kills: KILLS, secondsBetweenKills: KILL_SECONDS }
