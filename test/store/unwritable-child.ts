/** Opens files as a user who may not write them, and prints what is said: `node unwritable-child.js <path>...`. */
import { register } from 'node:module'
import { openStore } from '../../src/service/store/store.js'

// The other user may not be allowed to look for the driver again: it is found and loaded before.
const known = JSON.stringify({ url: import.meta.resolve('libsql'), shortCircuit: true })
const hook = `export const resolve = (name, context, next) => name === 'libsql' ? ${known} : next(name, context)`
register(`data:text/javascript,${encodeURIComponent(hook)}`)
await (await openStore({ url: ':memory:' })).close()
// Root may write everywhere.
const isRoot = process.geteuid?.() === 0
if (isRoot) process.seteuid?.(65_534)

const refusals: Array<{ name: string, message: string }> = []
for (const url of process.argv.slice(2)) {
  const error = await openStore({ url }).catch((error: unknown) => error)
  const { name, message } = error instanceof Error ? error : new Error('it was opened')
  refusals.push({ name, message })
}
if (isRoot) process.seteuid?.(0)
process.stdout.write(JSON.stringify(refusals))
