/** A process of its own for the tests beside: `node store-child.js <mode> <path> [ownerId]`. */
import Libsql from 'libsql'
import { writeSync } from 'node:fs'
import { once } from 'node:events'
import { openStore } from '../../src/service/store/store.js'
import { someUser } from './records.js'

const [mode, path = '', ownerId = ''] = process.argv.slice(2)
/** Synchronous, so that what the parent reads was acknowledged before any kill. */
const say = (line: string) => writeSync(1, `${line}\n`)

if (mode === 'start') {
  say('loaded')
  await once(process.stdin, 'data')
  const store = await openStore({ url: path })
  await store.users.upsert(someUser())
  await store.close()
  process.exit(0)
}

if (mode === 'write') {
  const store = await openStore({ url: path })
  await store.users.ensure(someUser({ identity_id: ownerId }))
  const write = async (): Promise<void> => {
    say((await store.documents.create(ownerId, { title: 'acknowledged', content: 'x'.repeat(500) })).id)
    setImmediate(write)
  }
  write()
  write()
}

if (mode === 'lock') {
  const raw = new Libsql(path)
  raw.exec('BEGIN IMMEDIATE')
  say('locked')
  await once(process.stdin, 'data')
  raw.exec('COMMIT')
  raw.close()
  process.exit(0)
}
