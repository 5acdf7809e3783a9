import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import { build } from '../support/app.js'
import { ID } from '../support/faults.js'
import {
  buildWithKratos, cookieHeader, freshEmail, get, PASSWORD, post, signUp, signUpInBrowser, startFlow, startKratos,
} from '../support/kratos.js'
import { newAuthenticator, type PublicKeyOptions } from '../embedded/passkeys/authenticator.js'
import { schemaWithSecurityKeys } from '../support/identity-schema.js'
import { enrolTotp } from '../support/totp.js'

const FLOWS = '/api/auth/flows'
const NAMES = ['registration', 'login', 'recovery', 'verification', 'settings']
/** Flows of a `flow_id`, where it is not the one that its step was in. */
const FLOW_OF_NEXT: Record<string, string> = {
  step_up: 'login',
  reauthenticate: 'login',
  verify: 'verification',
  settings: 'settings',
}
const LONGEST_WAY = 5

interface Words {
  next?: string
  flow_id?: string
  start?: string
  ui?: { nodes: Array<{ attributes: { type?: string, name?: string, value?: string } }> }
}

const wordsOf = (answer: LightMyRequestResponse): Words => {
  const { data, ...members } = answer.json<Words & { data?: Words }>()
  return data ?? members
}

/** A form has something to fill in, or at least to press. */
const canBeFilledIn = ({ ui }: Words): boolean =>
  ui?.nodes.some(({ attributes: { type, name } }) => type !== 'hidden' && name !== undefined) === true

type Headers = Record<string, string>

/** Follows an answer by the rule of docs/outcomes.md; says where that ended, or why it did not. */
async function follow (app: FastifyInstance, first: LightMyRequestResponse, path: string, given: Headers) {
  const answers = [first]
  const seen = [path.includes(' ') ? path : `GET ${path}`]
  let flow = NAMES.find((name) => path.includes(`/flows/${name}`)) ?? 'login'
  for (;;) {
    const words = wordsOf(answers.at(-1) as LightMyRequestResponse)
    const way = `${seen.join(' -> ')} -> ${words.next}`
    if (words.next === 'done' || words.next === 'redirect') return { end: words.next, way }
    const held = [given['cookie'] ?? '', cookieHeader(...answers)].filter((text) => text !== '').join('; ')
    const headers = held === '' ? given : { ...given, cookie: mergeCookies(held) }
    if (words.next === 'already_logged_in') {
      const { statusCode } = await get(app, '/api/auth/whoami', headers)
      return { end: statusCode === 200 ? 'logged in' : `a circle: whoami is ${statusCode}`, way }
    }
    // A failure that decides nothing leaves the screen as it is.
    if (words.next === 'form' && (canBeFilledIn(words) || words.ui === undefined)) return { end: 'form', way }
    flow = FLOW_OF_NEXT[words.next ?? ''] ?? flow
    const target = words.flow_id === undefined ? words.start : `${FLOWS}/${flow}/${words.flow_id}`
    if (target === undefined) return { end: 'nowhere', way }
    if (seen.includes(`GET ${target}`) || seen.length > LONGEST_WAY) return { end: `a circle at ${target}`, way }
    flow = NAMES.find((name) => target.includes(`/flows/${name}`)) ?? flow
    seen.push(`GET ${target}`)
    answers.push(await get(app, target, headers))
  }
}

/** The last cookie of a name counts, as in a browser. */
const mergeCookies = (text: string): string =>
  [...new Map(text.split('; ').map((pair) => [pair.slice(0, pair.indexOf('=')), pair]))].map(([, pair]) => pair).join('; ')

async function logIn (app: FastifyInstance, email: string, query: string): Promise<string> {
  const { id, init } = await startFlow(app, 'login', query)
  const cookie = cookieHeader(init)
  const headers = cookie === '' ? {} : { cookie }
  const body = { flow_id: id, identifier: email, password: PASSWORD }
  return mergeCookies([cookie, cookieHeader(await post(app, `${FLOWS}/login`, body, headers))].filter(Boolean).join('; '))
}

const ORIGIN = 'http://localhost:3001'
const RELYING_PARTY = { id: 'localhost', display_name: 'Page', origins: [ORIGIN] }
const KEYS = {
  selfservice: {
    methods: {
      passkey: { enabled: true, config: { rp: RELYING_PARTY } },
      webauthn: { enabled: true, config: { passwordless: false, rp: RELYING_PARTY } },
    },
  },
}

function optionsIn (answer: LightMyRequestResponse, name: string): PublicKeyOptions {
  const value = wordsOf(answer).ui?.nodes.find(({ attributes }) => attributes.name === name)?.attributes.value ?? ''
  interface Options { publicKey: PublicKeyOptions }
  const parsed = JSON.parse(value) as Options & { credentialOptions?: Options }
  return (parsed.credentialOptions ?? parsed).publicKey
}

async function signUpWithPasskey (app: FastifyInstance): Promise<string> {
  const { id, init } = await startFlow(app, 'registration')
  const key = newAuthenticator().create(optionsIn(init, 'passkey_create_data'), { origin: ORIGIN })
  const body = { flow_id: id, method: 'passkey', passkey_register: key, traits: { email: freshEmail() } }
  return cookieHeader(await post(app, `${FLOWS}/registration`, body))
}

/** Somebody whose only second factor is a security key. */
async function enrolKey (app: FastifyInstance): Promise<{ email: string, cookie: string }> {
  const { email, cookie } = await signUp(app)
  const { id, init } = await startFlow(app, 'settings', '?method=webauthn', { cookie })
  const held = mergeCookies(`${cookie}; ${cookieHeader(init)}`)
  const key = newAuthenticator().create(optionsIn(init, 'webauthn_register_trigger'), { origin: ORIGIN })
  const named = { webauthn_register: key, webauthn_register_displayname: 'blue' }
  const answer = await post(app, `${FLOWS}/settings`, { flow_id: id, method: 'webauthn', ...named }, { cookie: held })
  if (answer.statusCode !== 200) throw new Error(answer.body)
  return { email, cookie: mergeCookies(`${held}; ${cookieHeader(answer)}`) }
}

/** Everybody who may stand at an endpoint. */
async function everybody (app: FastifyInstance): Promise<Record<string, Headers>> {
  const plain = await signUp(app)
  const sealed = await signUpInBrowser(app)
  const strong = await signUp(app)
  await enrolTotp(app, strong.cookie)
  const keyed = await enrolKey(app)
  const gone = await signUp(app)
  await post(app, '/api/auth/logout', {}, { cookie: gone.cookie })
  return {
    'a visitor': {},
    'one with a password': { cookie: plain.cookie },
    'one in a browser flow': { cookie: sealed.cookie },
    'one with a token': { authorization: `Bearer ${plain.token}` },
    'one with two factors': { cookie: strong.cookie },
    'one who lacks the second factor': { cookie: await logIn(app, strong.email, '') },
    'one who lacks it in a browser flow': { cookie: await logIn(app, strong.email, '?type=browser') },
    'one with a passkey and nothing else': { cookie: await signUpWithPasskey(app) },
    'one with a security key': { cookie: keyed.cookie },
    'one who lacks the security key': { cookie: await logIn(app, keyed.email, '') },
    'one who lacks it in a browser': { cookie: await logIn(app, keyed.email, '?type=browser') },
    'one who logged out elsewhere': { cookie: gone.cookie },
  }
}

const QUERIES = [
  '', '?refresh=true', '?aal=aal2', '?type=api', '?type=browser', '?method=oidc', '?return_to=https://evil.example/',
]
const GUARDED = ['/api/auth/whoami', '/api/documents', '/api/auth/sessions', '/api/auth/flows/logout']

/** Requests that make every outcome, as far as one request can. */
const REQUESTS: Array<InjectOptions & { url: string }> = [
  ...NAMES.flatMap((name) => QUERIES.map((query) => ({ url: `${FLOWS}/${name}${query}` }))),
  ...NAMES.map((name) => ({ url: `${FLOWS}/${name}/${ID}` })),
  ...NAMES.flatMap((name) => [{ flow_id: ID, method: 'password' }, { flow_id: ID, method: 'oidc', provider: 'x' }].map(
    (body) => ({ method: 'POST' as const, url: `${FLOWS}/${name}`, payload: body }),
  )),
  ...GUARDED.map((url) => ({ url })),
]

export default async function (t: Test): Promise<void> {
  t.test('next', async (t) => {
    t.test('leads everybody from everywhere to an end or to a form, and never in a circle', async (t) => {
      const { app } = await buildWithKratos(t, { overrides: KEYS, schema: schemaWithSecurityKeys() })
      let refused = 0
      for (const [who, headers] of Object.entries(await everybody(app))) {
        for (const request of REQUESTS) {
          const answer = await app.inject({ ...request, headers })
          const { next } = wordsOf(answer)
          if (answer.statusCode === 200 && next === undefined) continue
          if (answer.statusCode >= 400) refused++
          const { end, way } = await follow(app, answer, `${request.method ?? 'GET'} ${request.url}`, headers)
          if (!['done', 'form', 'redirect', 'logged in'].includes(end)) t.fail(`${who}, ${way}: ${end}`)
        }
      }
      t.ok(refused > 100)
    })

    t.test('leads out of flows that are switched off or spoiled', async (t) => {
      const flows = { registration: { enabled: false }, recovery: { enabled: false }, verification: { enabled: false } }
      const kratos = await startKratos(t, { overrides: { selfservice: { flows } } })
      const { app } = await build(t, { KRATOS_PUBLIC_URL: kratos.publicUrl, KRATOS_ADMIN_URL: kratos.adminUrl })
      const { headers } = kratos.signIn(await kratos.createIdentity({ email: 'ada@example.com' }))
      for (const name of ['registration', 'recovery', 'verification']) {
        const visitor = await get(app, `${FLOWS}/${name}`)
        t.match(wordsOf(visitor), { next: 'restart', start: `${FLOWS}/login` })
        t.match(await follow(app, visitor, `${FLOWS}/${name}`, {}), { end: 'form' }, name)
        const { end } = await follow(app, await get(app, `${FLOWS}/${name}`, headers), `${FLOWS}/${name}`, headers)
        t.match(end, /^(?:form|logged in)$/, name)
      }
    })

    t.test('is step_up for half a session wherever it asks', async (t) => {
      const { app } = await buildWithKratos(t, { overrides: KEYS, schema: schemaWithSecurityKeys() })
      const { 'one who lacks the second factor': half, 'one who lacks it in a browser flow': sealed } = await everybody(app)
      for (const headers of [half, sealed]) {
        for (const url of [...GUARDED, `${FLOWS}/login`, `${FLOWS}/registration`, `${FLOWS}/settings`]) {
          const answer = await get(app, url, headers)
          if (answer.statusCode === 200) continue
          t.match(wordsOf(answer), { next: 'step_up', start: `${FLOWS}/login?aal=aal2` }, url)
        }
        const gone = await app.inject({ method: 'DELETE', url: '/api/auth/account', headers: { ...headers } })
        t.match(gone.json(), { code: 'AAL2_REQUIRED', next: 'step_up', start: String, flow_id: String })
      }
    })
  })

  t.test('DELETE /api/auth/account', async (t) => {
    t.test('with an old login has the flow ready that renews it', async (t) => {
      const kratos = await startKratos(t)
      const { app } = await build(t, { KRATOS_PUBLIC_URL: kratos.publicUrl, KRATOS_ADMIN_URL: kratos.adminUrl })
      const identity = await kratos.createIdentity({ email: 'old@example.com' }, PASSWORD)
      const { headers } = kratos.signIn(identity, { authenticatedAt: Date.now() - 3_600_000 })
      const answer = await app.inject({ method: 'DELETE', url: '/api/auth/account', headers })
      t.match(answer.json(), {
        code: 'SESSION_REFRESH_REQUIRED',
        next: 'reauthenticate',
        flow_id: String,
        start: `${FLOWS}/login?refresh=true`,
      })
      t.match(await follow(app, answer, 'DELETE /api/auth/account', headers), { end: 'form' })
    })
  })

  t.test('start', async (t) => {
    t.test('stands below the path of PUBLIC_URL', async (t) => {
      const { app } = await build(t, { PUBLIC_URL: 'http://localhost:3000/backend/' })
      const answer = await get(app, '/api/auth/whoami')
      t.match(answer.json(), { next: 'reauthenticate', start: `/backend${FLOWS}/login?refresh=true` })
    })
  })
}
