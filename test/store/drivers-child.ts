/** Prints which drivers are loaded: at first, with a store on SQLite, and with one on Postgres. */
import { createRequire } from 'node:module'
import { openStore } from '../../src/service/store/store.js'

const { cache } = createRequire(import.meta.url)
const loaded = (): string[] =>
  ['libsql', 'pg'].filter((name) => Object.keys(cache).some((path) => path.includes(`/node_modules/${name}/`)))

const atFirst = loaded()
await (await openStore({ url: ':memory:' })).close()
const withSqlite = loaded()
await (await openStore({ url: 'postgres://u:p@127.0.0.1:1/d' })).close()
process.stdout.write(JSON.stringify([atFirst, withSqlite, loaded()]))
