import { startEmbeddedKratos } from 'fastify-kratos/testing'
import { afterAll, expect, test } from 'vitest'

const kratos = await startEmbeddedKratos()
afterAll(() => kratos.close())

test('a sign-up mails a code', async () => {
  const { ui } = await fetch(`${kratos.publicUrl}/self-service/registration/api`).then((answer) => answer.json())
  const body = JSON.stringify({ method: 'password', password: 'Xq7-velvet-harbor-42', traits: { email: 'ada@example.com' } })
  await fetch(ui.action, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  expect(kratos.messages('ada@example.com')[0]?.code).toMatch(/^\d{6}$/)
})
