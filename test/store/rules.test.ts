import type { Test } from 'tap'
import { decodeCursor, encodeCursor } from '../../src/service/store/cursor.js'
import {
  InvalidCursorError, InvalidValueError, StoreUnavailableError,
  type UnavailableReason,
} from '../../src/service/store/errors.js'
import {
  createConflictRetryPolicy, createLockRetryPolicy,
  MAX_CONFLICT_RETRIES,
} from '../../src/service/store/retry-policy.js'
import { isConnectionBroken, toPostgresStoreError } from '../../src/service/store/postgres-errors.js'
import { toSqliteStoreError } from '../../src/service/store/sqlite-errors.js'
import { createClock, normaliseTimestamp } from '../../src/service/store/timestamps.js'
import { toBindable } from '../../src/service/store/values.js'
import { run, transpiled } from '../support/process.js'

const failing = (reason: UnavailableReason, times: number) => {
  let calls = 0
  const work = async () => {
    if (calls++ < times) throw new StoreUnavailableError('busy', { reason })
    return calls
  }
  return { work, calls: () => calls }
}

export default async function (t: Test): Promise<void> {
  t.test('openStore loads the driver that it needs, and no other', async (t) => {
    const { ended, output } = run(t, [transpiled('test/store/drivers-child.ts')])
    t.equal((await ended).code, 0, output())
    t.same(JSON.parse(output()), [[], ['libsql'], ['libsql', 'pg']], 'at first, with an SQLite file, with Postgres too')
  })

  t.test('normaliseTimestamp', async (t) => {
    await t.test('gives UTC with six fraction digits (F10)', async (t) => {
      const table = {
        '2024-01-15T12:20:00Z': '2024-01-15T12:20:00.000000Z',
        '2024-01-15T12:20:18.24773Z': '2024-01-15T12:20:18.247730Z',
        '2024-01-15t12:20:18.123456789z': '2024-01-15T12:20:18.123456Z',
        '2024-01-01T01:30:00.5+02:00': '2023-12-31T23:30:00.500000Z',
        '2024-02-28T23:30:00-01:00': '2024-02-29T00:30:00.000000Z',
        '0001-01-01T00:00:00Z': '0001-01-01T00:00:00.000000Z',
      }
      for (const [text, expected] of Object.entries(table)) t.equal(normaliseTimestamp(text), expected)
    })

    await t.test('refuses everything else', async (t) => {
      const refused = [
        '',
        'now',
        '2024-01-15',
        '2024-01-15 12:20:00Z',
        '2024-01-15T12:20:00',
        '2024-02-30T00:00:00Z',
        '2023-02-29T00:00:00Z',
        '2024-13-01T00:00:00Z',
        '2024-01-01T24:00:00Z',
        '2024-01-01T23:59:60Z',
        '2024-01-01T00:00:00+24:00',
        '2024-01-01T00:00:00+00:60',
        '0000-01-01T00:00:00+00:01',
        '9999-12-31T23:59:59-00:01',
        '2024-01-15T12:20:00.Z',
        ' 2024-01-15T12:20:00Z',
        '2024-01-15T12:20:00Z\n',
      ]
      for (const text of refused) t.throws(() => normaliseTimestamp(text), InvalidValueError, text)
      for (const value of [undefined, null, 0, new Date()]) {
        t.throws(() => normaliseTimestamp(value as unknown as string), InvalidValueError)
      }
    })
  })

  t.test('createClock ascends within a millisecond and follows the wall clock', async (t) => {
    const before = Date.now()
    const now = createClock()
    const readings = Array.from({ length: 500 }, () => now())
    t.same(readings, [...new Set(readings)].sort())
    t.match(readings[0], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
    t.ok(Date.parse(readings[0] ?? '') >= before)
    t.ok(Date.parse(readings[499] ?? '') <= Date.now() + 1, '500 readings are less than a millisecond ahead')
  })

  t.test('toBindable lets text, whole numbers and null through, and names the kind of the rest', async (t) => {
    for (const value of ['', 'a', '🎉', 0, -1, Number.MAX_SAFE_INTEGER, null]) t.equal(toBindable(value), value)
    const kinds = [
      [true, 'boolean'],
      [undefined, 'undefined'],
      [new Date(), 'Date'],
      [{}, 'Object'],
      [Object.create(null), 'object'],
      [NaN, 'integer'],
      [1.5, 'integer'],
      ['a\0', 'NUL'],
      ['\ud800', 'surrogate'],
      [1n, 'bigint'],
      [Symbol('s'), 'symbol'],
    ] as const
    for (const [value, kind] of kinds) t.throws(() => toBindable(value), { name: 'InvalidValueError', message: kind })
  })

  t.test('a cursor comes back for its owner only (A35)', async (t) => {
    const position = { created_at: '2024-01-15T12:20:00.000001Z', id: '0f0f0f0f-0000-4000-8000-000000000001' }
    const cursor = encodeCursor('owner', position)
    t.same(decodeCursor('owner', cursor), position)
    t.throws(() => decodeCursor('other', cursor), InvalidCursorError)
    for (let i = 0; i < cursor.length; i++) {
      const other = cursor[i] === 'A' ? '_' : 'A'
      t.throws(() => decodeCursor('owner', cursor.slice(0, i) + other + cursor.slice(i + 1)), InvalidCursorError)
    }
  })

  t.test('conflicts are retried three times at most, and nothing else is (K13)', async (t) => {
    const { write } = createConflictRetryPolicy(10_000)
    t.equal(await write(failing('conflict', MAX_CONFLICT_RETRIES).work), MAX_CONFLICT_RETRIES + 1)
    const hopeless = failing('conflict', 100)
    await t.rejects(write(hopeless.work), StoreUnavailableError)
    t.equal(hopeless.calls(), 4)
    const down = failing('down', 1)
    await t.rejects(write(down.work), StoreUnavailableError)
    t.equal(down.calls(), 1)
    const late = failing('conflict', 100)
    await t.rejects(createConflictRetryPolicy(0).write(late.work), StoreUnavailableError)
    t.equal(late.calls(), 1)
  })

  t.test('a locked file is asked again until the time is over, by one writer at a time (K09)', async (t) => {
    const { read, write } = createLockRetryPolicy(60_000)
    t.equal(await write(failing('locked', 3).work), 4)
    t.equal(await read(failing('locked', 3).work), 4)
    const down = failing('down', 1)
    await t.rejects(write(down.work), StoreUnavailableError)
    t.equal(down.calls(), 1)

    let [asked, active, mostActive] = [0, 0, 0]
    const locked = async () => {
      asked++
      mostActive = Math.max(mostActive, ++active)
      await null
      active--
      throw new StoreUnavailableError('busy', { reason: 'locked' })
    }
    const short = createLockRetryPolicy(200)
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => short.write(locked)))
    t.ok(outcomes.every(({ status }) => status === 'rejected'))
    t.equal(mostActive, 1)
    t.ok(asked <= 20, `${asked} times, as often as one alone in 200 ms: the waits overlap`)
    t.equal(await short.write(async () => 'next'), 'next')
  })

  t.test('driver errors: what is a fault of the database, and what is ours (K13)', async (t) => {
    const fault = (code: string, more = {}) => Object.assign(new Error('insert into needle'), { code, ...more })
    const postgres = (code: string) => toPostgresStoreError(fault(code))
    for (
      const code of [
        '08006',
        '53100',
        '53300',
        '57014',
        '57P01',
        '58030',
        '25006',
        '28P01',
        '3D000',
        '42501',
        '42P01',
        '55P03',
        'XX000',
        'ECONNRESET',
      ]
    ) {
      t.match(postgres(code), { name: 'StoreUnavailableError', reason: 'down', driverCode: code })
    }
    for (const code of ['40001', '40P01']) t.match(postgres(code), { name: 'StoreUnavailableError', reason: 'conflict' })
    for (const code of ['22021', '23505', '42601', '42703']) {
      t.match(postgres(code), { name: 'StoreQueryError', driverCode: code })
    }
    t.match(toPostgresStoreError(new Error('timeout exceeded when trying to connect')), {
      name: 'StoreUnavailableError',
      driverCode: 'TIMEOUT',
    })
    const bug = new TypeError('x is not a function')
    t.equal(toPostgresStoreError(bug), bug)
    t.same(['25006', '57P01', '08006', 'ECONNRESET', '57014', '40001', '23505'].map((code) => isConnectionBroken(fault(code))), [
      true,
      true,
      true,
      true,
      false,
      false,
      false,
    ])
    t.ok(isConnectionBroken(new Error('Query read timeout')))

    const sqlite = (code: string, rawCode?: number) => toSqliteStoreError(fault(code, { rawCode }))
    t.match(sqlite('SQLITE_BUSY_SNAPSHOT', 517), { name: 'StoreUnavailableError', reason: 'locked' })
    t.match(sqlite('UNKNOWN_SQLITE_ERROR_773', 773), { name: 'StoreUnavailableError', reason: 'locked' })
    t.match(sqlite('UNKNOWN_SQLITE_ERROR_1544', 1544), { driverCode: 'SQLITE_READONLY' }, 'a name that a person knows')
    t.match(sqlite('SQLITE_IOERR_WRITE', 778), { name: 'StoreUnavailableError', reason: 'down' })
    t.match(sqlite('SQLITE_READONLY_DBMOVED', 1032), { name: 'StoreUnavailableError', reason: 'down' })
    t.match(sqlite(''), { name: 'StoreUnavailableError', driverCode: 'SQLITE_CANTOPEN' })
    t.match(sqlite('SQLITE_CONSTRAINT_PRIMARYKEY', 1555), { name: 'StoreQueryError' })
    t.equal(toSqliteStoreError(bug), bug)
  })
}
