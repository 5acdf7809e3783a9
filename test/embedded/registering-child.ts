import { startEmbeddedKratos } from '../../kratos/embedded/index.js'
import { register } from './client.js'

/**
 * Registers identities one after another in the database of the first argument, and prints each address when it is
 * stored.
 */
const kratos = await startEmbeddedKratos({
  database: process.argv[2] ?? '',
  overrides: { hashers: { bcrypt: { cost: 4 } } },
})
for (let count = 0; ; count++) {
  const email = `kill-${count}@example.test`
  const { status } = await register(kratos.publicUrl, email)
  if (status !== 200) throw new Error(`registration answered ${status}`)
  process.stdout.write(`${email}\n`)
}
