import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import Fastify from 'fastify'
import type { Test } from 'tap'
import fastifyKratos from '../../src/plugin.js'
import { build, PATIENT, WEBHOOK_KEY } from '../support/app.js'
import { identifier, identitySchema } from '../support/identity-schema.js'
import {
  buildWithKratos, cookieHeader, freshEmail, get, PASSWORD, post, startFlow, startKratos,
} from '../support/kratos.js'
import { embeddedOnly } from '../support/target.js'

const text = { type: 'string', maxLength: 100 }

/** The names that most public schemas have, and none that the specification has at this place. */
const SCHEMA = identitySchema('customer', {
  properties: {
    name: { type: 'object', properties: { first: text, last: text }, additionalProperties: false },
    username: { ...text, ...identifier },
    contact: {
      type: 'object',
      properties: {
        email: {
          type: 'string',
          format: 'email',
          'ory.sh/kratos': {
            credentials: { password: { identifier: true } },
            verification: { via: 'email' },
            recovery: { via: 'email' },
          },
        },
      },
      required: ['email'],
      additionalProperties: false,
    },
  },
  required: ['contact'],
  additionalProperties: false,
})

const TRAITS = { email: '/contact/email', firstName: '/name/first', lastName: '/name/last' }
const ENV = { TRAIT_EMAIL: TRAITS.email, TRAIT_FIRST_NAME: TRAITS.firstName, TRAIT_LAST_NAME: TRAITS.lastName }

const REGISTRATION = '/api/auth/flows/registration'
const LOGIN = '/api/auth/flows/login'
const KEY = { 'x-webhook-key': WEBHOOK_KEY }

async function signUpFlat (app: FastifyInstance, email: string): Promise<string> {
  const { id } = await startFlow(app, 'registration')
  const answer = await post(app, REGISTRATION, {
    flow_id: id,
    email,
    password: PASSWORD,
    first_name: 'Ada',
    last_name: 'Lovelace',
    username: `u${email.split('@')[0]}`,
  })
  if (answer.statusCode !== 200) throw new Error(answer.body)
  return cookieHeader(answer)
}

/** A host that Kratos can be told before it starts; what arrives is handed on to `app`. */
async function startRelay (t: Test): Promise<{ url: string, app: FastifyInstance | undefined, answers: number[] }> {
  const relay: { url: string, app: FastifyInstance | undefined, answers: number[] } = { url: '', app: undefined, answers: [] }
  const server = createServer(async (request, response) => {
    const payload = Buffer.concat(await request.toArray() as Buffer[])
    const headers = { 'content-type': 'application/json', authorization: String(request.headers.authorization) }
    const answer = await relay.app?.inject({ method: 'POST', url: request.url ?? '/', headers, payload })
    relay.answers.push(answer?.statusCode ?? 0)
    response.writeHead(answer?.statusCode ?? 503).end(answer?.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  relay.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return relay
}

const hook = (url: string) => ({
  hook: 'web_hook',
  config: {
    url,
    method: 'POST',
    body: `base64://${Buffer.from('function(ctx) { identity: ctx.identity }').toString('base64')}`,
    auth: { type: 'api_key', config: { in: 'header', name: 'Authorization', value: `Bearer ${WEBHOOK_KEY}` } },
  },
})

export default async function (t: Test): Promise<void> {
  t.test('a schema with names of its own', embeddedOnly('a schema'), async (t) => {
    await t.test('is filled by the flat body, shown by whoami and kept in the users table', async (t) => {
      const { app } = await buildWithKratos(t, { schema: SCHEMA, env: ENV })
      const email = freshEmail()
      const cookie = await signUpFlat(app, email)
      const { data } = (await get(app, '/api/auth/whoami?full=true', { cookie })).json()
      const expected = { email, first_name: 'Ada', last_name: 'Lovelace', username: `u${email.split('@')[0]}` }
      t.match(data, expected)
      t.same(data.traits, {
        contact: { email },
        name: { first: 'Ada', last: 'Lovelace' },
        username: expected.username,
      })
      t.equal((await get(app, '/api/documents', { cookie })).statusCode, 200)
      t.match(await app.store.users.find(data.id), expected, 'the row that the session made')

      const settings = await startFlow(app, 'settings', '', { cookie })
      const changed = { ...data.traits, name: { first: 'Augusta' } }
      const saved = await post(app, '/api/auth/flows/settings', { flow_id: settings.id, method: 'profile', traits: changed }, { cookie })
      t.equal(saved.statusCode, 200, saved.body)
      t.match((await get(app, '/api/auth/whoami', { cookie })).json().data, { email, first_name: 'Augusta', last_name: null })
      await get(app, '/api/documents', { cookie })
      t.match(await app.store.users.find(data.id), { first_name: 'Augusta', last_name: null })
    })

    await t.test('makes its rows from the web hooks too', async (t) => {
      const relay = await startRelay(t)
      const kratos = await startKratos(t, {
        schema: SCHEMA,
        overrides: {
          selfservice: {
            flows: {
              registration: { after: { password: { hooks: [hook(`${relay.url}/internal/auth/user-created`), { hook: 'session' }] } } },
              settings: { after: { hooks: [hook(`${relay.url}/internal/auth/user-updated`)] } },
            },
          },
        },
      })
      const { app } = await build(t, { ...ENV, KRATOS_PUBLIC_URL: kratos.publicUrl, KRATOS_ADMIN_URL: kratos.adminUrl })
      relay.app = app
      const email = freshEmail()
      const cookie = await signUpFlat(app, email)
      const { id } = (await get(app, '/api/auth/whoami', { cookie })).json().data
      t.match(await app.store.users.find(id), { email, first_name: 'Ada', last_name: 'Lovelace' })
      const settings = await startFlow(app, 'settings', '', { cookie })
      const traits = { contact: { email }, name: { last: 'King' } }
      await post(app, '/api/auth/flows/settings', { flow_id: settings.id, method: 'profile', traits }, { cookie })
      t.match(await app.store.users.find(id), { email, first_name: null, last_name: 'King', username: null })
      t.same(relay.answers, [200, 200])
    })

    await t.test('is what the limits of a webhook go by', async (t) => {
      const { app } = await build(t, ENV)
      const tell = async (traits: unknown) =>
        (await post(app, '/internal/auth/user-created', {
          identity: { id: '0b1c2d3e-4f50-4a6b-8c7d-9e0f1a2b3c4d', traits, updated_at: '2024-01-15T12:20:00Z' },
        }, KEY)).statusCode
      for (
        const traits of [
          { contact: { email: 'a'.repeat(400) } },
          { name: { first: 'a\u0000b' } },
          { contact: { email: 7 } },
          { username: '\ud800' },
          [],
        ]
      ) t.equal(await tell(traits), 400, JSON.stringify(traits).slice(0, 60))
      for (
        const traits of [
          {},
          { name: 'Ada Lovelace', contact: null },
          { email: { work: 'a@example.test' }, first_name: 7 },
          { contact: { email: null } },
        ]
      ) t.equal(await tell(traits), 200, JSON.stringify(traits))
    })

    await t.test('has the login budgets of its own identifiers', async (t) => {
      const { app } = await buildWithKratos(t, {
        schema: SCHEMA,
        env: { ...ENV, LOGIN_LIMIT_PER_IDENTIFIER: '2', LOGIN_LIMIT_BURST: '2' },
      })
      const email = freshEmail()
      const statuses: number[] = []
      for (const body of [
        { email },
        { method: 'password', traits: { contact: { email } } },
        { method: 'password', 'traits.contact.email': email.toUpperCase() },
      ]) {
        const { id } = await startFlow(app, 'registration')
        statuses.push((await post(app, REGISTRATION, { flow_id: id, password: 'x', ...body })).statusCode)
      }
      t.same(statuses, [400, 400, 429])
      const { id } = await startFlow(app, 'login')
      t.equal((await post(app, LOGIN, { flow_id: id, identifier: email, password: 'x' })).statusCode, 429)
    })

    await t.test("is the plugin's too, by its option", async (t) => {
      const kratos = await startKratos(t, { schema: SCHEMA })
      const app = Fastify()
      t.teardown(() => app.close())
      await app.register(fastifyKratos, { ...PATIENT, publicUrl: kratos.publicUrl, traits: TRAITS, throttle: false })
      const email = freshEmail()
      const cookie = await signUpFlat(app, email)
      t.match((await get(app, '/api/auth/whoami', { cookie })).json().data, { email, first_name: 'Ada', last_name: 'Lovelace' })
    })

    await t.test('may have a list of addresses, of which the first one counts', async (t) => {
      const emails = { type: 'array', items: SCHEMA.properties.traits.properties.contact.properties.email }
      const traits = { type: 'object', properties: { emails }, additionalProperties: false }
      const { app } = await buildWithKratos(t, {
        schema: { ...SCHEMA, properties: { traits } },
        env: { TRAIT_EMAIL: '/emails/0' },
      })
      const email = freshEmail()
      const { id } = await startFlow(app, 'registration')
      const answer = await post(app, REGISTRATION, { flow_id: id, email, password: PASSWORD })
      t.equal(answer.statusCode, 200, answer.body)
      const { data } = (await get(app, '/api/auth/whoami?full=true', { cookie: cookieHeader(answer) })).json()
      t.match(data, { email, traits: { emails: [email] } })
    })
  })
}
