import { startEmbeddedKratos } from '../../kratos/embedded/index.js'
import { register } from './client.js'

/** Registers people one after another in the database named by the first argument, and prints each acknowledged address. */
const kratos = await startEmbeddedKratos({ database: process.argv[2] ?? '', overrides: { hashers: { bcrypt: { cost: 4 } } } })
for (let count = 0; ; count++) {
  const email = `kill-${count}@example.test`
  const { status } = await register(kratos.publicUrl, email)
  if (status !== 200) throw new Error(`registration answered ${status}`)
  process.stdout.write(`${email}\n`)
}
