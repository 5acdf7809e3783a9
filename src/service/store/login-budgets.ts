import { sql, type Kysely, type RawBuilder } from 'kysely'
import type { RetryPolicy } from './retry-policy.js'
import type { StoreSchema } from './schema.js'

/** Submits that were made under one key. */
export interface SubmitCount {
  key: string
  count: number
}

/** What an bucket came to: more than `burst` means that its last submits are refused. */
export interface BudgetUsage {
  key: string
  used: number
  /** Milliseconds until the minute is over and gives something back, 1 to 60,000. */
  waitMs: number
}

/** Login budgets that all processes have in common. Postgres only: beside SQLite there is one process. */
export interface LoginBudgetRepository {
  /**
   * Counts submits, in one statement: of at most `burst` under a key, every full minute gives `perMinute` back.
   * @param counts each key once; keys are kept, so they are nothing that may not be
   * @throws StoreUnavailableError
   */
  consume(counts: readonly SubmitCount[], budget: { perMinute: number, burst: number }): Promise<BudgetUsage[]>
}

type SqlNumber = RawBuilder<number>

const MINUTE_MS = sql.lit(60_000)
/** The server's clock, in milliseconds: processes need not agree about the time. */
const NOW: SqlNumber = sql`(extract(epoch from statement_timestamp()) * 1000)::bigint`

/** Once in so many statements old rows are removed, more of them than those can have made. */
const STATEMENTS_PER_CLEANING = 100
const CLEANING_BATCH = 500

export function createLoginBudgetRepository (db: Kysely<StoreSchema>, { write }: RetryPolicy): LoginBudgetRepository {
  let statements = 0

  async function consume (
    counts: readonly SubmitCount[],
    { perMinute, burst }: { perMinute: number, burst: number },
  ): Promise<BudgetUsage[]> {
    // A fault of the database is told by the statement below.
    if (statements++ % STATEMENTS_PER_CLEANING === 0) clean().catch(() => {})
    const [rate, most]: SqlNumber[] = [sql`${perMinute}::bigint`, sql`${burst}::bigint`]
    const minutes: SqlNumber = sql`greatest(excluded.since - login_budgets.since, 0) / ${MINUTE_MS}`
    const left: SqlNumber = sql`greatest(least(login_budgets.used, ${most}) - ${minutes} * ${rate}, 0)`
    const since: SqlNumber =
      sql`case when ${left} = 0 then excluded.since else login_budgets.since + ${minutes} * ${MINUTE_MS} end`
    const timeToForget = (used: SqlNumber): SqlNumber =>
      sql`(least(${used}, ${most}) + ${rate} - 1) / ${rate} * ${MINUTE_MS}`
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
          sql<number>`least(greatest(since + ${MINUTE_MS} - ${NOW}, 1), ${MINUTE_MS})::integer`.as('wait_ms'),
        ])
        .execute(),
    )
    return usage.map(({ key, used, wait_ms: waitMs }) => ({ key, used, waitMs }))
  }

  /** Buckets that have got everything back say no more than none. Rows that another process works on are left to it. */
  async function clean (): Promise<void> {
    const some = db.selectFrom('login_budgets').select('key').where('expires_at', '<', NOW)
      .orderBy('expires_at').limit(CLEANING_BATCH).forUpdate().skipLocked()
    await write(() => db.deleteFrom('login_budgets').where('key', 'in', some).execute())
  }

  return { consume }
}
