import { sql, type Kysely, type RawBuilder } from 'kysely'
import type { RetryPolicy } from './retry-policy.js'
import type { StoreSchema } from './schema.js'

export interface SubmitCount {
  key: string
  count: number
}

/** More than `burst` used means that the last submits are refused. */
export interface BudgetUsage {
  key: string
  used: number
  /** Milliseconds until the window is over and gives something back, 1 to its length. */
  waitMs: number
}

export interface BudgetRule {
  perWindow: number
  burst: number
  windowMs: number
}

/** Postgres only: beside SQLite there is one process. All throw StoreUnavailableError. */
export interface LoginBudgetRepository {
  /** Every full window gives `perWindow` back. @param counts each key once; keys are kept, so they hold no secrets */
  consume(counts: readonly SubmitCount[], budget: BudgetRule): Promise<BudgetUsage[]>
  giveBack(key: string): Promise<void>
  clear(key: string): Promise<void>
  remember(key: string, value: string, forMs: number): Promise<void>
  recall(key: string): Promise<string | undefined>
}

type SqlNumber = RawBuilder<number>

/** The server's clock, in milliseconds: processes need not agree about the time. */
const NOW: SqlNumber = sql`(extract(epoch from statement_timestamp()) * 1000)::bigint`

/** Once in so many statements more old rows are removed than those can have made. */
const STATEMENTS_PER_CLEANING = 100
const CLEANING_BATCH = 500

export function createLoginBudgetRepository (
  db: Kysely<StoreSchema>,
  { read, write }: RetryPolicy,
): LoginBudgetRepository {
  let statements = 0

  async function consume (
    counts: readonly SubmitCount[],
    { perWindow, burst, windowMs }: BudgetRule,
  ): Promise<BudgetUsage[]> {
    // A fault of the database is told by the statement below.
    if (statements++ % STATEMENTS_PER_CLEANING === 0) clean().catch(() => {})
    const [rate, most, window]: SqlNumber[] = [perWindow, burst, windowMs].map((value) => sql`${value}::bigint`)
    const windows: SqlNumber = sql`greatest(excluded.since - login_budgets.since, 0) / ${window}`
    const left: SqlNumber = sql`greatest(least(login_budgets.used, ${most}) - ${windows} * ${rate}, 0)`
    const since: SqlNumber =
      sql`case when ${left} = 0 then excluded.since else login_budgets.since + ${windows} * ${window} end`
    const timeToForget = (used: SqlNumber): SqlNumber =>
      sql`(least(${used}, ${most}) + ${rate} - 1) / ${rate} * ${window}`
    const used: SqlNumber = sql`${left} + excluded.used`
    // In one order everywhere, so that two processes never wait for each other.
    const rows = [...counts].sort((one, other) => one.key < other.key ? -1 : 1)
      .map(({ key, count }) => ({
        key,
        used: count,
        since: NOW,
        expires_at: sql<number>`${NOW} + ${timeToForget(sql`${count}::bigint`)}`,
      }))
    const usage = await write(() =>
      db.insertInto('login_budgets').values(rows)
        .onConflict((conflict) =>
          conflict.column('key').doUpdateSet({ used, since, expires_at: sql<number>`${since} + ${timeToForget(used)}` }),
        )
        .returning([
          'key',
          'used',
          sql<number>`least(greatest(since + ${window} - ${NOW}, 1), ${window})::integer`.as('wait_ms'),
        ])
        .execute(),
    )
    return usage.map(({ key, used, wait_ms: waitMs }) => ({ key, used, waitMs }))
  }

  async function giveBack (key: string): Promise<void> {
    await write(() =>
      db.updateTable('login_budgets').set({ used: sql<number>`greatest(used - 1, 0)` }).where('key', '=', key).execute(),
    )
  }

  async function clear (key: string): Promise<void> {
    await write(() => db.deleteFrom('login_budgets').where('key', '=', key).execute())
  }

  async function remember (key: string, value: string, forMs: number): Promise<void> {
    if (statements++ % STATEMENTS_PER_CLEANING === 0) clean().catch(() => {})
    const row = { value, expires_at: sql<number>`${NOW} + ${forMs}::bigint` }
    await write(() =>
      db.insertInto('login_sessions').values({ key, ...row })
        .onConflict((conflict) => conflict.column('key').doUpdateSet(row)).execute(),
    )
  }

  async function recall (key: string): Promise<string | undefined> {
    const row = await read(() =>
      db.selectFrom('login_sessions').select('value').where('key', '=', key).where('expires_at', '>', NOW)
        .executeTakeFirst(),
    )
    return row?.value
  }

  /** A bucket with all its budget back equals none. Rows that another process works on are left to it. */
  async function clean (): Promise<void> {
    const some = db.selectFrom('login_budgets').select('key').where('expires_at', '<', NOW)
      .orderBy('expires_at').limit(CLEANING_BATCH).forUpdate().skipLocked()
    await write(() => db.deleteFrom('login_budgets').where('key', 'in', some).execute())
    const forgotten = db.selectFrom('login_sessions').select('key').where('expires_at', '<', NOW)
      .orderBy('expires_at').limit(CLEANING_BATCH).forUpdate().skipLocked()
    await write(() => db.deleteFrom('login_sessions').where('key', 'in', forgotten).execute())
  }

  return { consume, giveBack, clear, remember, recall }
}
