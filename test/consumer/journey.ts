import { startEmbeddedKratos } from 'fastify-kratos/testing'
import { buildExampleApp } from './app.js'

const frontend = 'http://localhost:3001'
const kratos = await startEmbeddedKratos()
const app = await buildExampleApp({ kratosUrl: kratos.publicUrl, webhookKey: 'x'.repeat(32), frontend })

const flow = await app.inject('/auth/flows/registration')
const payload = {
  flow_id: flow.json().data.id,
  email: 'ada@example.test',
  password: 'velvet-harbor-42',
  first_name: 'Ada',
}
const registration = await app.inject({
  method: 'POST',
  url: '/auth/flows/registration',
  headers: { origin: frontend },
  payload,
})
const cookie = String(registration.headers['set-cookie']).split(';')[0] ?? ''
const { greeting } = (await app.inject({ url: '/greeting', headers: { cookie } })).json()
console.log(JSON.stringify({ status: registration.statusCode, greeting }))

await app.close()
await kratos.close()
