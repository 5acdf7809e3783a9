import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, jwtVerify } from 'jose'
import type { Test } from 'tap'
import { startEmbeddedKratos, type EmbeddedKratos } from '../../kratos/embedded/index.js'
import type { Json, JsonObject } from '../../kratos/embedded/json.js'
import { call, PASSWORD, register } from './client.js'

async function start (t: Test, overrides: JsonObject): Promise<EmbeddedKratos> {
  const kratos = await startEmbeddedKratos({ env: {}, overrides: { hashers: { bcrypt: { cost: 4 } }, ...overrides } })
  t.teardown(async () => await kratos.close())
  return kratos
}

/** The admin API of an OAuth2 provider. */
async function oauth2Provider (t: Test, { skip = false } = {}): Promise<{ url: string, accepted: JsonObject[] }> {
  const accepted: JsonObject[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (part) => { text += part }).on('end', () => {
      if (request.method === 'PUT') accepted.push(JSON.parse(text))
      const answer = request.method === 'PUT'
        ? { redirect_to: 'http://127.0.0.1:4444/back' }
        : { challenge: 'abc', skip, request_url: 'http://127.0.0.1:3001/oauth2' }
      response.writeHead(request.url?.endsWith('=abc') === true ? 200 : 404).end(JSON.stringify(answer))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, accepted }
}

const ADA = { method: 'password', identifier: 'ada@example.test' }

/** Opens a browser flow for the challenge and submits it as JSON. */
async function browse (kratos: EmbeddedKratos, kind: string, body: JsonObject) {
  const opened = await call('GET', `${kratos.publicUrl}/self-service/${kind}/browser?login_challenge=abc`)
  const cookie = opened.headers.getSetCookie().map((line) => line.split(';')[0]).join('; ')
  const nodes = opened.body['ui'].nodes as Array<{ attributes: JsonObject }>
  const csrf = nodes.find(({ attributes }) => attributes['name'] === 'csrf_token')?.attributes['value'] as Json
  const url = `${kratos.publicUrl}/self-service/${kind}?flow=${opened.body['id']}`
  const answer = await call('POST', url, { body: { ...body, csrf_token: csrf }, headers: { cookie } })
  return { opened: opened.body, answer }
}

export default async function (t: Test): Promise<void> {
  t.test('login_challenge', async (t) => {
    t.test('without an OAuth2 provider is 500, empty 400, unknown 400', async (t) => {
      const plain = await start(t, {})
      const path = '/self-service/login/api?login_challenge=abc'
      t.equal((await call('GET', `${plain.publicUrl}${path}`)).status, 500)
      const kratos = await start(t, { oauth2_provider: { url: (await oauth2Provider(t)).url } })
      t.equal((await call('GET', `${kratos.publicUrl}${path}`)).body['oauth2_login_challenge'], 'abc')
      t.match((await call('GET', `${kratos.publicUrl}/self-service/login/browser?login_challenge=`)).body, {
        error: { code: 400, reason: 'the login_challenge parameter is present but empty' },
      })
      t.match((await call('GET', `${kratos.publicUrl}/self-service/login/browser?login_challenge=other`)).body, {
        error: { code: 400, reason: 'Unable to get OAuth 2.0 Login Challenge.', details: { status_code: 404 } },
      })
    })

    t.test('is accepted by login and registration', async (t) => {
      const { url, accepted } = await oauth2Provider(t)
      const withoutVerification = { flows: { verification: { enabled: false } } }
      const kratos = await start(t, { oauth2_provider: { url }, selfservice: withoutVerification })
      const { body: { identity } } = await register(kratos.publicUrl, 'ada@example.test')
      const login = await browse(kratos, 'login', { ...ADA, password: PASSWORD })
      t.match(login.opened, { oauth2_login_challenge: 'abc', oauth2_login_request: { challenge: 'abc' } })
      t.match(login.answer, { status: 422, body: { redirect_browser_to: 'http://127.0.0.1:4444/back' } })
      t.match(accepted[0], { subject: identity.id, remember: true, remember_for: 86400, amr: ['password'] })
      const traits = { email: 'eve@example.test' }
      const registration = await browse(kratos, 'registration', { method: 'password', password: PASSWORD, traits })
      t.match(registration.answer.body['continue_with'], [
        { action: 'redirect_browser_to', redirect_browser_to: 'http://127.0.0.1:4444/back' },
      ])
      t.equal(accepted.length, 2)
      const wrong = await browse(kratos, 'login', { ...ADA, password: 'wrong' })
      t.match(wrong.answer, { status: 400, body: { oauth2_login_request: { challenge: 'abc' } } })
    })

    t.test('is accepted at once for a session, if the provider can skip', async (t) => {
      const { url, accepted } = await oauth2Provider(t, { skip: true })
      const kratos = await start(t, { oauth2_provider: { url } })
      const { headers } = kratos.signIn(await kratos.createIdentity({ email: 'ada@example.test' }), { transport: 'cookie' })
      for (const kind of ['login', 'registration']) {
        const answer = await fetch(`${kratos.publicUrl}/self-service/${kind}/browser?login_challenge=abc`, {
          redirect: 'manual',
          headers: { ...headers, accept: 'text/html' },
        })
        t.match([answer.status, answer.headers.get('location')], [303, 'http://127.0.0.1:4444/back'], kind)
      }
      t.equal(accepted.length, 2)
    })
  })

  t.test('other parameters of a start', async (t) => {
    t.test('an organization offers no method; a schema must be selectable', async (t) => {
      const kratos = await start(t, {
        identity: {
          default_schema_id: 'default',
          schemas: ['default', 'open', 'closed'].map((id) => ({
            id,
            url: 'file://./identity.schema.json',
            selfservice_selectable: id === 'open',
          })),
        },
      })
      const begin = async (kind: string, query: string) =>
        await call('GET', `${kratos.publicUrl}/self-service/${kind}/api?${query}`)
      const organization = '11111111-2222-4333-8444-555555555555'
      for (const kind of ['login', 'registration']) {
        t.match((await begin(kind, `organization=${organization}`)).body, {
          organization_id: organization,
          ui: { nodes: null },
        })
        t.equal((await begin(kind, 'organization=none')).body['organization_id'], null)
        t.equal((await begin(kind, 'identity_schema=open')).body['identity_schema'], 'open')
        t.match((await begin(kind, 'identity_schema=closed')).body, {
          error: { code: 400, reason: 'Requested identity schema "closed" is not enabled for self-service flows.' },
        })
        t.match((await begin(kind, 'identity_schema=none')).body, {
          error: { reason: 'Requested identity schema "none" does not exist.' },
        })
      }
    })
  })

  t.test('tokenize_as', async (t) => {
    t.test('gives a JWT with the claims of its template', async (t) => {
      const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
      const keys = { keys: [{ ...await exportJWK(privateKey), alg: 'ES256', kid: 'one' }] }
      const base64 = (text: string): string => `base64://${Buffer.from(text).toString('base64')}`
      const mapper = `
      local claims = std.extVar('claims'); local session = std.extVar('session');
      { claims: { email: session.identity.traits.email, sub: 'cannot be changed', life: claims.exp - claims.iat } }`
      const template = { jwks_url: base64(JSON.stringify(keys)), ttl: '10m' }
      const templates = {
        app: { ...template, claims_mapper_url: base64(mapper) },
        external: { ...template, subject_source: 'external_id' },
        broken: { ...template, claims_mapper_url: base64('{') },
      }
      const kratos = await start(t, { session: { whoami: { tokenizer: { templates } } } })
      const identity = await kratos.createIdentity({ email: 'ada@example.test' })
      const { headers, id } = kratos.signIn(identity)
      const url = `${kratos.publicUrl}/sessions/whoami`
      const ask = async (name: string) => await call('GET', `${url}?tokenize_as=${name}`, { headers })
      const { body, headers: answered } = await ask('app')
      const { payload, protectedHeader } = await jwtVerify(body['tokenized'], publicKey)
      t.strictSame(protectedHeader, { alg: 'ES256', typ: 'JWT', kid: 'one' })
      t.match(payload, {
        sub: identity.id,
        sid: id,
        iss: `${kratos.publicUrl}/`,
        email: 'ada@example.test',
        life: 600,
        jti: String,
      })
      t.equal(answered.get('ory-session-cache-for'), null, 'never cached')
      t.match((await ask('external')).body['error'], { code: 400, reason: /does not have an external ID set/ })
      t.match((await ask('broken')).body['error'], { code: 400, reason: 'Unable to execute tokenizer JsonNet.' })
      t.match((await ask('none')).body['error'], { code: 400, reason: 'Unable to find tokenizer template "none".' })
    })
  })
}
