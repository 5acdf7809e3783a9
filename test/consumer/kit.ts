import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import Fastify from 'fastify'
import fastifyKratos, { sessionOf } from 'fastify-kratos'
import { startEmbeddedKratos } from 'fastify-kratos/testing'

// A test of an app, as a program that may be bundled into one file: a guard, an imported hash and a hook with a
// snippet. Without `await` at top level, which CommonJS does not know.

const PASSWORD = 'velvet-harbor-42'
const HASH = '$argon2id$v=19$m=16,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$+Pl4rxrcFAViUvSrVT1tLoUSKub4E6kOgpsxwrtUdS4'
const SNIPPET = 'function(ctx) { email: std.asciiUpper(ctx.identity.traits.email) }'
const base64 = (code: string): string => `base64://${Buffer.from(code).toString('base64')}`

async function main (): Promise<void> {
  let heard = ''
  const receiver = createServer((request, response) => {
    text(request).then((body) => {
      heard = body
      response.end()
    }, () => response.destroy())
  })
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`
  const hooks = [{ hook: 'web_hook', config: { url, method: 'POST', body: base64(SNIPPET) } }]
  const kratos = await startEmbeddedKratos({ overrides: { selfservice: { flows: { login: { after: { hooks } } } } } })
  const app = Fastify()
  await app.register(fastifyKratos, { publicUrl: kratos.publicUrl })
  app.get('/me', { config: { auth: true } }, async (request) => sessionOf(request).identity.traits.email)

  const traits = { email: 'ada@example.test' }
  const credentials = { password: { config: { hashed_password: HASH } } }
  await fetch(`${kratos.adminUrl}/admin/identities`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ schema_id: 'default', traits, credentials }),
  })
  const { id } = (await app.inject('/api/auth/flows/login')).json<{ data: { id: string } }>().data
  const payload = { flow_id: id, method: 'password', identifier: traits.email, password: PASSWORD }
  const login = await app.inject({ method: 'POST', url: '/api/auth/flows/login', payload })
  const cookie = String(login.headers['set-cookie']).split(';')[0] ?? ''
  const [known, stranger] = [await app.inject({ url: '/me', headers: { cookie } }), await app.inject('/me')]
  console.log(login.statusCode, known.body, stranger.statusCode, JSON.parse(heard))

  await app.close()
  await kratos.close()
  receiver.close()
}

main().catch((error: unknown) => console.log(error))
