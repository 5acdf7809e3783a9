import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { ask } from './replicas-calls.js'

const TRIES = 40
const ROUNDS = 20
/** A replica whose database is later than that goes on by itself, and asks again after a second (decision 0009). */
const SHARED_LIMIT_MS = 500
const RETRY_MS = 1500

/** What one address, and one address with one identifier, may try at once. */
const BUDGETS = [
  { of: 'identifier', burst: 10, identifier: () => 'nobody@example.test' },
  { of: 'address', burst: 30, identifier: () => `nobody-${randomUUID()}@example.test` },
]

async function isAllowed (url: string, address: string, identifier: string): Promise<boolean> {
  const { status } = await ask(url, {
    method: 'POST',
    path: '/api/auth/flows/login',
    headers: { 'x-forwarded-for': address },
    body: { flow_id: randomUUID(), identifier, password: 'Xq7-velvet-harbor-42' },
  })
  return status !== 429
}

export interface Budgets {
  /** Rounds in which the database was in time for all replicas. */
  judged: number
  late: number
  wrong: string[]
}

/** All replicas are tried at once, beyond each budget. */
export async function exceedBudgets (urls: string[]): Promise<Budgets> {
  const budgets: Budgets = { judged: 0, late: 0, wrong: [] }
  for (let round = 0; round < ROUNDS; round++) {
    const { of, burst, identifier } = BUDGETS[round % BUDGETS.length] as typeof BUDGETS[number]
    let slowest = 0
    const answers = await Promise.all(Array.from({ length: TRIES }, async (_, number) => {
      const begun = performance.now()
      const answer = await isAllowed(urls[number % urls.length] ?? '', `10.1.0.${round}`, identifier())
      slowest = Math.max(slowest, performance.now() - begun)
      return answer
    }))
    if (slowest >= SHARED_LIMIT_MS) {
      budgets.late++
      await sleep(RETRY_MS)
      continue
    }
    budgets.judged++
    const allowed = answers.filter(Boolean).length
    if (allowed !== burst) budgets.wrong.push(`${allowed} of ${burst} for an ${of}`)
  }
  return budgets
}
