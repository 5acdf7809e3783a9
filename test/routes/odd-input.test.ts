import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { build } from '../support/app.js'
import { identifier, identitySchema } from '../support/identity-schema.js'
import {
  buildWithKratos, cookieHeader, freshEmail, get, PASSWORD, post, signUp, signUpInBrowser, startFlow, startKratos,
} from '../support/kratos.js'
import { embeddedOnly } from '../support/target.js'

const text = { type: 'string' }

/** All of it optional, and three of it identifiers: what a sign-up form of the field is like. */
const SCHEMA = identitySchema('optional', {
  properties: {
    email: { ...text, format: 'email', ...identifier },
    username: { ...text, ...identifier },
    phone: { ...text, format: 'tel', ...identifier },
    first_name: text,
    birthday: { ...text, format: 'date' },
    tags: { type: 'array', items: { ...text, minLength: 1 } },
    address: { type: 'object', properties: { street: text, city: text } },
  },
  additionalProperties: false,
})

const PROVIDER = { provider: 'dummy', method: 'oidc' }
const ODD_TEXTS = ['', ' ', '\t\r\n', '\u0085', '\ud800', 'x\udfff', '😀', '__proto__', '@', '+', '0', '{}', 'x'.repeat(300)]
const ODD_VALUES = [...ODD_TEXTS, null, true, 0, -1, 1e308, 2 ** 53 + 1, [], {}, [''], [null], { '': '' }]

type Body = Record<string, unknown>

/** Bodies of which each was a 5xx once, or is next to one that was. */
const BODIES: Record<string, Body[]> = {
  registration: [
    ...ODD_VALUES.flatMap((value): Body[] => [
      { email: value, password: PASSWORD },
      { username: value, password: PASSWORD },
      { method: 'password', password: PASSWORD, traits: { username: value } },
      { method: 'password', password: PASSWORD, 'traits.username': value },
      { method: 'password', password: PASSWORD, traits: value },
      { method: 'code', traits: { email: value } },
      { ...PROVIDER, upstream_parameters: value },
      { ...PROVIDER, upstream_parameters: { login_hint: value } },
      { ...PROVIDER, id_token: value },
      { provider: 'dummy', method: value },
      { method: value },
    ]),
    { ...PROVIDER, id_token: 'x.y.z' },
  ],
  login: [
    ...ODD_VALUES.flatMap((value): Body[] => [
      { identifier: value, password: PASSWORD },
      { method: 'code', identifier: value },
      { ...PROVIDER, upstream_parameters: value },
      { method: 'totp', totp_code: value },
      { method: 'lookup_secret', lookup_secret: value },
      { provider: 'dummy', method: value },
    ]),
    { ...PROVIDER, id_token: 'x.y.z' },
  ],
  recovery: ODD_VALUES.flatMap((value): Body[] => [
    { method: 'code', email: value },
    { method: 'code', code: value },
    { method: 'link', token: value },
    { method: value, token: 'x' },
  ]),
  verification: ODD_VALUES.flatMap((value): Body[] => [
    { method: 'code', email: value },
    { method: 'link', token: value },
  ]),
  settings: ODD_VALUES.flatMap((value): Body[] => [
    { method: 'totp', totp_unlink: value, totp_code: '1' },
    { method: 'lookup_secret', lookup_secret_regenerate: value },
    { method: 'lookup_secret', lookup_secret_confirm: value },
    { method: 'oidc', link: 'dummy', upstream_parameters: value },
    { method: value, link: 'dummy' },
    { method: 'profile', traits: { username: value } },
    { method: 'profile', traits: value },
  ]),
}

async function signedUp (app: FastifyInstance, traits: Body): Promise<string> {
  const { id } = await startFlow(app, 'registration')
  const answer = await post(app, '/api/auth/flows/registration', { flow_id: id, method: 'password', password: PASSWORD, traits })
  if (answer.statusCode !== 200) throw new Error(answer.body)
  return cookieHeader(answer)
}

export default async function (t: Test): Promise<void> {
  t.test('an optional field that was left empty is not sent', embeddedOnly('a schema'), async (t) => {
    const { app } = await buildWithKratos(t, { schema: SCHEMA })
    const traitsOf = async (cookie: string): Promise<unknown> =>
      (await get(app, '/api/auth/whoami?full=true', { cookie })).json().data.traits

    await t.test('at a sign-up, in any form of a body, by as many people as come', async (t) => {
      for (const empty of ['', ' ', '\u0085\t', '']) {
        const email = freshEmail()
        const bodies: Body[] = [
          { email, password: PASSWORD, username: empty, first_name: empty },
          {
            method: 'password',
            password: PASSWORD,
            traits: {
              email: `a${email}`,
              username: empty,
              phone: empty,
              birthday: empty,
              tags: [empty, empty],
              address: { street: empty, city: empty },
            },
          },
          { method: 'password', password: PASSWORD, 'traits.email': `b${email}`, 'traits.username': empty },
        ]
        for (const [index, body] of bodies.entries()) {
          const { id } = await startFlow(app, 'registration')
          const answer = await post(app, '/api/auth/flows/registration', { flow_id: id, ...body })
          t.equal(answer.statusCode, 200, `${JSON.stringify(empty)} ${index} ${answer.body.slice(0, 200)}`)
          // Kratos itself adds empty lists and objects.
          const { email: own, tags: _tags, address: _address, ...rest } = await traitsOf(cookieHeader(answer)) as Body
          t.same([own, rest], [`${['', 'a', 'b'][index]}${email}`, {}])
        }
      }
    })

    await t.test('in the settings, where it takes a trait away; what is not empty stays as it was typed', async (t) => {
      const email = freshEmail()
      const cookie = await signedUp(app, { email, first_name: ' Ada ', tags: ['a', ''], address: { street: 'x', city: '' } })
      t.same(await traitsOf(cookie), { email, first_name: ' Ada ', tags: ['a'], address: { street: 'x' } })
      const { id } = await startFlow(app, 'settings', '', { cookie })
      const traits = { email, first_name: '', tags: [], address: { street: 'x', city: 'y' } }
      const answer = await post(app, '/api/auth/flows/settings', { flow_id: id, method: 'profile', traits }, { cookie })
      t.equal(answer.statusCode, 200, answer.body)
      t.same(await traitsOf(cookie), { email, tags: [], address: { street: 'x', city: 'y' } })
    })

    await t.test('and a form that is empty altogether is told what is missing', async (t) => {
      const { id } = await startFlow(app, 'registration')
      const answer = await post(app, '/api/auth/flows/registration', { flow_id: id, email: '', password: '' })
      t.match([answer.statusCode, answer.json().next], [400, 'form'])
      t.match(answer.json().errors, [{ field: 'password', code: 'required' }])
    })
  })

  t.test('no input of a client is a 5xx', embeddedOnly('a schema and a provider'), async (t) => {
    const { app } = await buildWithKratos(t, { schema: SCHEMA, oidcProvider: true })
    for (const type of ['api', 'browser']) {
      await t.test(`in flows of type ${type}`, async (t) => {
        for (const [flow, bodies] of Object.entries(BODIES)) {
          const person = flow !== 'settings'
            ? ''
            : type === 'api' ? await signedUp(app, { email: freshEmail() }) : (await signUpInBrowser(app)).cookie
          const wrong: string[] = []
          for (const body of bodies) {
            const { id, init } = await startFlow(app, flow, `?type=${type}`, person === '' ? {} : { cookie: person })
            const cookie = [person, cookieHeader(init)].filter((part) => part !== '').join('; ')
            const answer = await post(app, `/api/auth/flows/${flow}`, { flow_id: id, ...body }, { cookie })
            const { data, ...rest } = answer.json<{ data?: { next?: unknown }, next?: unknown }>()
            const says = typeof (answer.statusCode < 400 ? data : rest)?.next === 'string'
            if (answer.statusCode >= 500 || !says) wrong.push(`${JSON.stringify(body)} ${answer.statusCode} ${answer.body}`)
          }
          t.same(wrong, [], `${flow}: ${bodies.length} bodies, each with its next step`)
        }
      })
    }
  })

  t.test('the token of a recovery link', async (t) => {
    const kratos = await startKratos(t)
    const { app } = await build(t, { KRATOS_PUBLIC_URL: kratos.publicUrl, KRATOS_ADMIN_URL: kratos.adminUrl })
    const { email, identityId } = await signUp(app)

    await t.test('that is wrong leads to a new start', async (t) => {
      const { id } = await startFlow(app, 'recovery')
      const answer = await post(app, '/api/auth/flows/recovery', { flow_id: id, method: 'link', token: 'x' })
      t.match([answer.statusCode, answer.json()], [410, { code: 'FLOW_EXPIRED', next: 'restart', flow_id: String }])
      const again = { flow_id: answer.json().flow_id, method: 'code', email }
      t.match((await post(app, '/api/auth/flows/recovery', again)).json(), { data: { next: 'form', sent: true } })
    })

    await t.test('that is right logs in and leads to the settings', async (t) => {
      const { recovery_link: link } = await fetch(`${kratos.adminUrl}/admin/recovery/link`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ identity_id: identityId }),
      }).then((answer) => answer.json()) as { recovery_link: string }
      const { searchParams } = new URL(link)
      const answer = await post(app, '/api/auth/flows/recovery', {
        flow_id: searchParams.get('flow'),
        method: 'link',
        token: searchParams.get('token'),
      })
      t.match([answer.statusCode, answer.json()], [200, { data: { next: 'settings', flow_id: String } }])
      const cookie = cookieHeader(answer)
      t.match((await get(app, '/api/auth/whoami', { cookie })).json(), { data: { email } })
      t.equal((await get(app, `/api/auth/flows/settings/${answer.json().data.flow_id}`, { cookie })).statusCode, 200)
    })
  })
}
