import type { Test } from 'tap'
import Libsql from 'libsql'
import { type Kysely, sql } from 'kysely'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { queryObjects } from 'node:v8'
import {
  StoreMigrationError, StoreOpenError, StoreQueryError,
  StoreUnavailableError,
} from '../../src/service/store/errors.js'
import { MIGRATIONS } from '../../src/service/store/migrations.js'
import type { StoreSchema } from '../../src/service/store/schema.js'
import { openSqliteEngine } from '../../src/service/store/sqlite-engine.js'
import { createStore, openStore } from '../../src/service/store/store.js'
import { temporaryFolder } from '../support/app.js'
import { run, transpiled } from '../support/process.js'
import { someUser } from './records.js'
import { testRepositories } from './repository-cases.js'

export default async function (t: Test): Promise<void> {
  const folder = await temporaryFolder(t)
  // For the user of `unwritable-child.ts`.
  chmodSync(folder, 0o755)
  const fileOf = (name: string) => join(folder, name)

  t.test('store on SQLite', async (t) => {
    const url = fileOf('suite.db')
    const store = await openStore({ url, waitMs: 20_000 })
    const raw = new Libsql(url)
    t.teardown(async () => {
      raw.close()
      await store.close()
    })
    await testRepositories(t, store, {
      url,
      fullScan: /SCAN (users|documents|events|event_deliveries)(?! USING)/,
      explain: async (sql) => JSON.stringify(raw.prepare(`EXPLAIN QUERY PLAN ${sql}`).all([])),
    })
    await store.ping()
  })

  t.test('openStore with an SQLite address', async (t) => {
    await t.test('creates folders and file, migrates once, and keeps the rows', async (t) => {
      const url = fileOf('new/deep/app.db')
      const migrated: string[][] = []
      const user = someUser()
      const first = await openStore({ url, onMigrated: (names) => migrated.push(names) })
      t.equal(first.dialect, 'sqlite')
      t.equal(first.loginBudgets, undefined, 'one process, so nothing in common')
      await first.users.upsert(user)
      await first.close()
      await first.close()
      for (const address of [`file:${url}`, pathToFileURL(url).href]) {
        const again = await openStore({ url: address, onMigrated: (names) => migrated.push(names) })
        t.ok(await again.users.find(user.identity_id))
        await again.close()
      }
      t.same(migrated, [Object.keys(MIGRATIONS)])
    })

    await t.test(':memory: keeps nothing', async (t) => {
      const [first, second] = [await openStore({ url: ':memory:' }), await openStore({ url: ':memory:' })]
      const user = someUser()
      await first.users.upsert(user)
      t.ok(await first.users.find(user.identity_id))
      t.equal(await second.users.find(user.identity_id), undefined)
      await Promise.all([first.close(), second.close()])
    })

    await t.test('WAL, synchronous FULL, foreign keys and a short driver timeout are on (K09, K14)', async (t) => {
      const engine = await openSqliteEngine({ path: fileOf('settings.db'), waitMs: 1000 })
      t.teardown(() => engine.close())
      const setting = async (name: string) => {
        const { rows } = await sql`select * from ${sql.raw(`pragma_${name}`)}`.execute(engine.db)
        return Object.values(rows[0] as object)[0]
      }
      t.equal(await setting('journal_mode'), 'wal')
      t.equal(await setting('synchronous'), 2)
      t.equal(await setting('foreign_keys'), 1)
      t.ok(await setting('busy_timeout') <= 50)
    })

    await t.test('a closed store says that it cannot be used', async (t) => {
      const store = await openStore({ url: ':memory:' })
      await store.close()
      await t.rejects(store.ping(), StoreUnavailableError)
      await t.rejects(store.users.upsert(someUser()), StoreUnavailableError)
    })

    await t.test('refuses an address that is no file, without repeating it', async (t) => {
      for (
        const url of [
          '',
          'file:',
          'mysql://u:secret@h/d',
          'http://secret/x',
          'libsql://secret',
          'file:secret.db?mode=ro',
          'a\0secret',
          'postgres://u:secret@h:notaport/d',
        ]
      ) {
        const error = await openStore({ url }).catch((error: unknown) => error)
        t.type(error, StoreOpenError)
        t.notMatch(String(error), 'secret')
      }
    })
  })

  t.test('openStore with a file that cannot be used (K02)', async (t) => {
    const junk = 'This is a text file and no database. '.repeat(100)
    mkdirSync(fileOf('folder.db'))
    writeFileSync(fileOf('text.db'), junk)
    writeFileSync(fileOf('short.db'), 'short')
    const refuses = async (t: Test, path: string, reason: RegExp) => {
      const error = await openStore({ url: path }).catch((error: unknown) => error)
      t.type(error, StoreOpenError)
      t.match(String(error), reason)
      t.notMatch(String(error), /\n/)
    }
    await t.test('a folder in its place', (t) => refuses(t, fileOf('folder.db'), /folder\.db.*is a folder/))
    await t.test('no database, which stays as it was', async (t) => {
      await refuses(t, fileOf('text.db'), /not an SQLite database/)
      await refuses(t, fileOf('short.db'), /not an SQLite database/)
      t.equal(readFileSync(fileOf('text.db'), 'utf8'), junk)
    })
    await t.test('a file where a folder should be', (t) =>
      refuses(t, fileOf('text.db/app.db'), /cannot be read or written/))
    await t.test('damaged', async (t) => {
      const path = fileOf('damaged.db')
      await (await openStore({ url: path })).close()
      const bytes = readFileSync(path)
      writeFileSync(path, bytes.fill(0xff, 100, 4096))
      await refuses(t, path, /damaged/)
      t.same(readFileSync(path).subarray(0, 4096), bytes.subarray(0, 4096))
    })
    await t.test('not writable, a migrated one too', async (t) => {
      const path = fileOf('migrated/app.db')
      await (await openStore({ url: path })).close()
      const refusals = async (...paths: string[]): Promise<Array<{ name: string, message: string }>> => {
        const { ended, output } = run(t, [transpiled('test/store/unwritable-child.ts'), ...paths])
        t.equal((await ended).code, 0, output())
        return JSON.parse(output())
      }
      chmodSync(path, 0o444)
      chmodSync(fileOf('migrated'), 0)
      const inClosed = await refusals(path, fileOf('migrated/new.db'))
      chmodSync(fileOf('migrated'), 0o777)
      for (const { name, message } of [...inClosed, ...await refusals(path)]) {
        t.equal(name, 'StoreOpenError')
        t.match(message, /not writable/)
        t.notMatch(message, /\n/)
      }
    })
  })

  t.test('migrations on SQLite (K12)', async (t) => {
    const broken = {
      ...MIGRATIONS,
      '0002_broken': {
        up: async (db: Parameters<typeof MIGRATIONS[string]['up']>[0]) => {
          await db.schema.createTable('half').addColumn('a', 'text').execute()
          await db.schema.alterTable('nowhere').addColumn('a', 'text').execute()
        },
      },
    }
    const path = fileOf('migrations.db')
    const tables = () => {
      const raw = new Libsql(path)
      const rows = raw.prepare('select name, sql from sqlite_schema order by name').all()
      raw.close()
      return rows
    }

    await t.test('one that fails on a new file leaves it empty', async (t) => {
      await t.rejects(openSqliteEngine({ path, waitMs: 100, migrations: broken }), StoreMigrationError)
      t.same(tables(), [])
    })

    await t.test('one that fails later leaves the schema unchanged, and the message is one line', async (t) => {
      await (await openStore({ url: path })).close()
      const before = tables()
      const error = await openSqliteEngine({ path, waitMs: 100, migrations: broken }).catch((error: unknown) => error)
      t.match(String(error), /^StoreMigrationError: Migration 0002_broken failed \(SQLITE_ERROR\)[^\n]*$/)
      t.same(tables(), before)
    })

    await t.test('a database of a newer version is used, and the caller hears of it', async (t) => {
      const newer = { ...MIGRATIONS, '0002_newer': { up: async () => {} } }
      await (await openSqliteEngine({ path, waitMs: 100, migrations: newer })).close()
      const told: string[][] = []
      const store = await openStore({ url: path, onNewer: (names) => told.push(names) })
      t.teardown(() => store.close())
      t.same(told, [['0002_newer']])
      t.same(await store.users.upsert(someUser()), { created: true })
    })

    await t.test('ten at once in one process apply them once', async (t) => {
      const migrated: string[][] = []
      const url = fileOf('race.db')
      const stores = await Promise.all(
        Array.from({ length: 10 }, () => openStore({ url, onMigrated: (names) => migrated.push(names) })),
      )
      t.same(migrated, [Object.keys(MIGRATIONS)])
      await Promise.all(stores.map((store) => store.close()))
    })
  })

  t.test('a full SQLite database refuses writes, goes on reading, and heals (K11)', async (t) => {
    const engine = await openSqliteEngine({ path: fileOf('full.db'), waitMs: 1000 })
    t.teardown(() => engine.close())
    const store = createStore(engine)
    const user = someUser()
    await store.users.upsert(user)
    const large = { title: 't', content: 'x'.repeat(100_000) }

    await sql`PRAGMA max_page_count = 20`.execute(engine.db)
    await t.rejects(store.documents.create(user.identity_id, large), {
      name: 'StoreUnavailableError',
      driverCode: 'SQLITE_FULL',
    })
    await t.rejects(store.users.upsert(someUser({ email: large.content })), {
      name: 'StoreUnavailableError',
      driverCode: 'SQLITE_FULL',
    })
    // Inside a transaction of several statements the cause must survive the rollback.
    await t.rejects(
      engine.db.transaction().execute(async (transaction) => {
        await transaction.insertInto('users').values({ ...someUser({ email: large.content }), revision: 1 }).execute()
      }),
      { name: 'StoreUnavailableError', driverCode: 'SQLITE_FULL' },
    )
    t.ok(await store.users.find(user.identity_id))
    await store.ping()
    t.same((await store.documents.list(user.identity_id, { limit: 1 })).documents, [])

    await sql`PRAGMA max_page_count = 1000000`.execute(engine.db)
    t.ok(await store.documents.create(user.identity_id, large))
    t.same((await sql`PRAGMA integrity_check`.execute(engine.db)).rows, [{ integrity_check: 'ok' }])
  })

  t.test('a commit waits for the disk, but for what Kratos has done already (K14)', async (t) => {
    const engine = await openSqliteEngine({ path: fileOf('durability.db'), waitMs: 1000 })
    t.teardown(() => engine.close())
    const read = sql<{ synchronous: number }>`PRAGMA synchronous`
    const levelIn = async (db: Kysely<StoreSchema>) =>
      (await db.transaction().execute((transaction) => read.execute(transaction))).rows[0]?.synchronous
    const [normal, full] = [1, 2]
    t.equal(await levelIn(engine.db), full)
    t.equal(await levelIn(engine.eventsDb), normal)
    t.equal(await levelIn(engine.db), full, 'the one after it waits again')
    await t.rejects(engine.eventsDb.transaction().execute(async () => {
      throw new Error('broken off')
    }), /broken off/)
    t.same((await read.execute(engine.db)).rows, [{ synchronous: full }], 'and a single statement')
    const [a, b, c] = await Promise.all([levelIn(engine.eventsDb), levelIn(engine.db), levelIn(engine.eventsDb)])
    t.same([a, b, c], [normal, full, normal], 'at once')
  })

  t.test('a read that meets a lock leaves nothing behind (K09)', async (t) => {
    // With WAL only a repair by another process can lock a reader out, and there is no making one at will.
    const url = fileOf('repaired.db')
    const engine = await openSqliteEngine({ path: url, waitMs: 1000 })
    const other = new Libsql(url)
    t.teardown(async () => {
      other.close()
      await engine.close()
    })
    const store = createStore(engine)
    const [known, later] = [someUser(), someUser()]
    await store.users.upsert(known)
    await sql`CREATE TEMP TABLE of_this_connection (id)`.execute(engine.db)
    const { prototype: statement } = new Libsql(':memory:').prepare('select 1').constructor as { prototype: Libsql.Statement }
    const { all } = statement
    t.teardown(() => {
      statement.all = all
    })
    statement.all = () => {
      statement.all = all
      throw Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY_RECOVERY', rawCode: 261 })
    }
    t.ok(await store.users.find(known.identity_id), 'it is asked again')
    await t.rejects(sql`SELECT id FROM of_this_connection`.execute(engine.db), 'on another connection')
    await store.users.upsert(later)
    t.equal(other.prepare('select 1 from users').all().length, 2)
    t.same((await sql`PRAGMA synchronous`.execute(engine.db)).rows, [{ synchronous: 2 }])
  })

  t.test('thousands of different statements are not all kept prepared', async (t) => {
    const engine = await openSqliteEngine({ path: fileOf('statements.db'), waitMs: 1000 })
    t.teardown(() => engine.close())
    const { constructor: Statement } = new Libsql(':memory:').prepare('select 1')
    for (let number = 0; number < 2000; number++) await sql`select ${sql.raw(`${number}`)}`.execute(engine.db)
    const alive = queryObjects(Statement, { format: 'count' })
    t.ok(alive > 0 && alive <= 250, `${alive} of 2000`)
  })

  t.test('an error of SQLite keeps nothing but its code (H02)', async (t) => {
    const engine = await openSqliteEngine({ path: fileOf('errors.db'), waitMs: 1000 })
    t.teardown(() => engine.close())
    const row = { ...someUser({ email: 'needle@example.com' }), revision: 1 }
    await engine.db.insertInto('users').values(row).execute()
    const error = await engine.db.insertInto('users').values(row).execute().catch((error: unknown) => error)
    t.type(error, StoreQueryError)
    t.match(error, { code: 'DATABASE_ERROR', driverCode: 'SQLITE_CONSTRAINT_PRIMARYKEY' })
    t.notMatch(JSON.stringify(error, Object.getOwnPropertyNames(error)), /needle|insert into|errors\.db|users/)
  })
}
