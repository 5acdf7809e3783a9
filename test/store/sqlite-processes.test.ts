import type { Test } from 'tap'
import Libsql from 'libsql'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { openStore } from '../../src/service/store/store.js'
import { temporaryFolder } from '../support/app.js'
import { transpiled } from '../support/process.js'
import { someUser } from './records.js'

const KILLS = 5
const STARTS = 6
/** How long a hasty writer waits for a locked file. */
const WAIT_MS = 1000
/** Longer than anything takes on a busy machine. */
const PATIENT_MS = 60_000
const CHILD = transpiled('test/store/store-child.ts')

export default async function (t: Test): Promise<void> {
  const folder = await temporaryFolder(t)
  const fileOf = (name: string) => join(folder, name)

  /** Ends with the test, and tells its lines as they come. */
  function startChild (t: Test, mode: string, ...args: string[]) {
    const started = spawn(process.execPath, [CHILD, mode, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
    t.teardown(() => {
      started.kill('SIGKILL')
    })
    const lines: string[] = []
    const output = createInterface({ input: started.stdout })
    output.on('line', (line) => lines.push(line))
    const exited = once(started, 'exit')
    const nextLine = () => once(output, 'line')
    const firstLine = nextLine()
    return {
      lines,
      firstLine,
      nextLine,
      go: () => {
        started.stdin.write('go\n')
      },
      exitCode: async () => (await exited)[0] as number | null,
      kill: async () => {
        started.kill('SIGKILL')
        await Promise.all([exited, once(output, 'close')])
      },
    }
  }

  t.test('an SQLite file that another process has locked (K09)', async (t) => {
    const url = fileOf('locked.db')
    const [store, hasty] = [await openStore({ url, waitMs: PATIENT_MS }), await openStore({ url, waitMs: WAIT_MS })]
    const raw = new Libsql(url)
    t.teardown(async () => {
      raw.close()
      await Promise.all([store.close(), hasty.close()])
    })
    const user = someUser()
    await store.users.upsert(user)
    const isWritten = (id: string) => raw.prepare('select 1 from users where identity_id = ?').all([id]).length === 1
    const holder = startChild(t, 'lock', url)
    await holder.firstLine

    const waiting = someUser()
    let isThrough = false
    const upsert = store.users.upsert(waiting).finally(() => {
      isThrough = true
    })

    await t.test('while one waits, readers and timers never do', async (t) => {
      for (let i = 0; i < 10; i++) {
        t.ok(await store.users.find(user.identity_id))
        t.same(await store.users.ensure(user), { created: false }, 'a known user needs no lock')
      }
      await sleep(1)
      t.notOk(isThrough)
    })

    await t.test('writers give up after their time, one wait in total and not one each', async (t) => {
      const startedAt = performance.now()
      const work = Promise.allSettled(Array.from({ length: 50 }, () => hasty.users.upsert(someUser())))
      // Far less than fifty times the wait.
      const outcomes = await Promise.race([work, sleep(25 * WAIT_MS, [], { ref: false })])
      t.equal(outcomes.length, 50)
      const locked = { status: 'rejected', reason: { code: 'DATABASE_UNAVAILABLE', reason: 'locked' } }
      for (const outcome of outcomes) t.match(outcome, locked)
      t.ok(performance.now() - startedAt > 0.9 * WAIT_MS, 'they did wait')
    })

    await t.test('a start does not need the lock', async () => {
      await (await openStore({ url })).close()
    })

    await t.test('the writer that waits gets through, and is written when it says so', async (t) => {
      t.notOk(isThrough)
      holder.go()
      t.same(await upsert, { created: true })
      t.ok(isWritten(waiting.identity_id))
    })
  })

  t.test('a write after a refused one is committed when it is acknowledged (K09, L08)', async (t) => {
    // libsql leaves a statement that met a lock active, and then puts off the commits of all others.
    const url = fileOf('refused.db')
    const store = await openStore({ url, waitMs: 30 })
    const other = new Libsql(url)
    t.teardown(async () => {
      other.close()
      await store.close()
    })
    const [refused, accepted] = [someUser(), someUser()]
    other.exec('BEGIN IMMEDIATE')
    await t.rejects(store.users.upsert(refused), { code: 'DATABASE_UNAVAILABLE' })
    other.exec('ROLLBACK')
    await store.documents.remove(accepted.identity_id, 'x')
    await store.users.ensure(accepted)
    t.same(other.prepare('select identity_id from users').all(), [{ identity_id: accepted.identity_id }])
    other.exec('BEGIN IMMEDIATE; ROLLBACK')
  })

  t.test(`${STARTS} processes that start at once on a new file (K12)`, async (t) => {
    const url = fileOf('starts.db')
    const children = Array.from({ length: STARTS }, () => startChild(t, 'start', url))
    await Promise.all(children.map(({ firstLine }) => firstLine))
    for (const child of children) child.go()
    t.same(await Promise.all(children.map(({ exitCode }) => exitCode())), children.map(() => 0))
    const raw = new Libsql(url)
    t.same(raw.prepare('select count(*) as users from users').all(), [{ users: STARTS }])
    raw.close()
  })

  t.test(`${KILLS} x kill -9 under write load lose no acknowledged row (L07, L08, L09)`, async (t) => {
    const url = fileOf('killed.db')
    const owner = someUser()
    const acknowledged: string[] = []
    for (let i = 0; i < KILLS; i++) {
      const writer = startChild(t, 'write', url, owner.identity_id)
      while (writer.lines.length < 20) await writer.nextLine()
      await sleep(Math.random() * 50)
      await writer.kill()
      acknowledged.push(...writer.lines.filter((line) => line.length === 36))
    }
    const store = await openStore({ url })
    const raw = new Libsql(url)
    t.teardown(async () => {
      raw.close()
      await store.close()
    })
    const stored = new Set(raw.prepare('select id from documents').all().map((row) => (row as { id: string }).id))
    t.comment(`${acknowledged.length} rows acknowledged`)
    t.ok(acknowledged.length >= 20 * KILLS)
    t.same(acknowledged.filter((id) => !stored.has(id)), [])
    t.same(raw.prepare('PRAGMA integrity_check').all(), [{ integrity_check: 'ok' }])
    t.same(raw.prepare('select count(*) as users from users').all(), [{ users: 1 }])
  })
}
