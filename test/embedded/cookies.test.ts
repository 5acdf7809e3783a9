import type { Test } from 'tap'
import { startEmbeddedKratos, type EmbeddedKratos } from '../../kratos/embedded/index.js'
import type { JsonObject } from '../../kratos/embedded/json.js'
import { call, PASSWORD } from './client.js'

async function start (t: Test, overrides: JsonObject = {}): Promise<EmbeddedKratos> {
  const kratos = await startEmbeddedKratos({ env: {}, overrides: { hashers: { bcrypt: { cost: 4 } }, ...overrides } })
  t.teardown(async () => await kratos.close())
  return kratos
}

interface Page {
  id: string
  token: string
  cookie: string
}

const pair = (line: string | undefined): string => line?.split(';')[0] ?? ''

/** A flow in a browser, with the CSRF cookie that came with it. */
async function open ({ publicUrl }: EmbeddedKratos, flow: string, cookie = ''): Promise<Page> {
  const { body, headers } = await call('GET', `${publicUrl}/self-service/${flow}/browser`, { headers: { cookie } })
  const nodes: Array<{ attributes: Record<string, string> }> = body['ui'].nodes
  const token = nodes.find(({ attributes }) => attributes['name'] === 'csrf_token')?.attributes['value'] ?? ''
  return { id: body['id'], token, cookie: pair(headers.getSetCookie()[0]) }
}

/** The Set-Cookie lines of a registration: the session's is the last. */
async function signUp (kratos: EmbeddedKratos): Promise<{ status: number, lines: string[], message: string }> {
  const { id, token, cookie } = await open(kratos, 'registration')
  const answer = await call('POST', `${kratos.publicUrl}/self-service/registration?flow=${id}`, {
    body: { method: 'password', password: PASSWORD, traits: { email: 'ada@example.test' }, csrf_token: token },
    headers: { cookie },
  })
  return { status: answer.status, lines: answer.headers.getSetCookie(), message: answer.body['error']?.message ?? '' }
}

const attribute = (line: string | undefined, name: string): string | undefined =>
  line?.split('; ').find((part) => part.startsWith(`${name}=`))

export default async function (t: Test): Promise<void> {
  t.test('session.cookie and cookies', async (t) => {
    t.test('name a domain and a path as Go sends them', async (t) => {
      const rows: Array<[domain: string, sent: string | undefined]> = [
        ['.shop.test', 'Domain=shop.test'],
        ['shop.test', 'Domain=shop.test'],
        ['127.0.0.1', 'Domain=127.0.0.1'],
        ['localhost:3000', undefined],
        ['http://shop.test', undefined],
        ['-shop.test', undefined],
        ['my_shop.test', undefined],
      ]
      for (const [domain, sent] of rows) {
        const kratos = await start(t, { session: { cookie: { domain, path: '/a;b' } }, cookies: { domain } })
        const { lines } = await signUp(kratos)
        t.strictSame(lines.map((line) => attribute(line, 'Domain')), [sent, sent], domain)
        t.equal(attribute(lines.at(-1), 'Path'), 'Path=/ab', domain)
      }
    })

    t.test('without a path the session has the whole server, the CSRF cookie none', async (t) => {
      const { lines } = await signUp(await start(t, { cookies: { path: '' } }))
      t.strictSame(lines.map((line) => attribute(line, 'Path')), [undefined, 'Path=/'])
    })

    t.test('a name that no cookie can have is an error where a session begins', async (t) => {
      const { status, message } = await signUp(await start(t, { session: { cookie: { name: 'my session' } } }))
      t.strictSame([status, message], [500, 'sessions: invalid character in cookie name: my session'])
    })
  })

  t.test('several CSRF cookies', async (t) => {
    const kratos = await start(t)
    const [old, fresh] = [await open(kratos, 'login'), await open(kratos, 'login')]
    const post = async (cookie: string): Promise<number> => {
      const headers = { cookie, 'x-csrf-token': fresh.token }
      return (await fetch(`${kratos.publicUrl}/nowhere`, { method: 'POST', headers })).status
    }

    t.test('are replaced by one', async (t) => {
      const cookie = `${old.cookie}; ${fresh.cookie}`
      const { headers } = await call('GET', `${kratos.publicUrl}/self-service/login/browser`, { headers: { cookie } })
      t.equal(headers.getSetCookie().length, 1)
      t.equal(pair(headers.getSetCookie()[0]).split('=')[0], fresh.cookie.split('=')[0])
    })

    t.test('count only if the first is the right one', async (t) => {
      t.equal(await post(fresh.cookie), 404, 'alone')
      t.equal(await post(`${fresh.cookie}; ${old.cookie}`), 404)
      t.equal(await post(`${old.cookie}; ${fresh.cookie}`), 403)
    })
  })

  t.test('serve.public.cors', async (t) => {
    t.test('an empty list means what Go takes for it, not the default of a missing one', async (t) => {
      const lists = { allowed_origins: [], allowed_methods: [], allowed_headers: [], exposed_headers: [] }
      const { publicUrl } = await start(t, { serve: { public: { cors: { enabled: true, ...lists } } } })
      const allowed = async (method: string, header: string): Promise<string | null> => {
        const headers = { origin: 'http://app.test', 'access-control-request-method': method, 'access-control-request-headers': header }
        return (await fetch(`${publicUrl}/sessions/whoami`, { method: 'OPTIONS', headers })).headers.get('access-control-allow-methods')
      }
      t.equal(await allowed('POST', 'content-type'), 'POST')
      t.equal(await allowed('DELETE', 'content-type'), null)
      t.equal(await allowed('GET', 'x-session-token'), null)
    })
  })
}
