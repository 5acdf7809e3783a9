import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startEmbeddedKratos } from 'fastify-kratos/testing'

const kratos = await startEmbeddedKratos()
after(() => kratos.close())

test('whoever is signed in is known', async () => {
  const ada = await kratos.createIdentity({ email: 'ada@example.com' })
  const { headers } = kratos.signIn(ada)
  const { status } = await fetch(`${kratos.publicUrl}/sessions/whoami`, { headers })
  assert.equal(status, 200)
})
