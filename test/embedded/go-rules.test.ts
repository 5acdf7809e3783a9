import type { Test } from 'tap'
import { startEmbeddedKratos } from '../../kratos/embedded/index.js'
import { stableSort } from '../../kratos/embedded/ui/stable-sort.js'
import { unstableSort } from '../../kratos/embedded/ui/unstable-sort.js'
import { call, PASSWORD, type JsonAnswer } from './client.js'

/** All expected values are answers of Kratos v26.2.0. */

const HOME = 'http://127.0.0.1:3001'
const ORGANIZATION = '11111111-2222-4333-8444-555555555555'

interface Server {
  publicUrl: string
  get: (path: string, accept?: string) => Promise<Response>
  admin: (method: string, path: string, body?: unknown) => Promise<JsonAnswer>
  /** Status and message ids of a submitted login. */
  login: (body: string, type: string) => Promise<[number, number[]]>
  create: (more?: object) => Promise<any>
}

let people = 0

async function start (t: Test, methods: any = {}): Promise<Server> {
  const kratos = await startEmbeddedKratos({
    overrides: {
      hashers: { bcrypt: { cost: 4 } },
      selfservice: {
        default_browser_return_url: `${HOME}/`,
        allowed_return_urls: [HOME, 'https://*.example.com/app', 'myapp://cb'],
        methods,
      },
    },
  })
  t.teardown(async () => await kratos.close())
  const admin: Server['admin'] = async (method, path, body) =>
    await call(method, `${kratos.adminUrl}/admin${path}`, body === undefined ? {} : { body })
  return {
    publicUrl: kratos.publicUrl,
    admin,
    get: async (path, accept = 'application/json') =>
      await fetch(kratos.publicUrl + path, { redirect: 'manual', headers: { accept } }),
    login: async (body, type) => {
      const flow = await call('GET', `${kratos.publicUrl}/self-service/login/api`)
      const answer = await fetch(`${kratos.publicUrl}/self-service/login?flow=${flow.body['id']}`, {
        method: 'POST',
        body,
        headers: { 'content-type': type, accept: 'application/json' },
      })
      const { ui } = await answer.json() as any
      return [answer.status, (ui?.messages ?? []).map(({ id }: any) => id)]
    },
    create: async (more = {}) => {
      const traits = { email: `person${people++}@x.example` }
      return (await admin('POST', '/identities', { schema_id: 'default', traits, ...more })).body
    },
  }
}

export default async function (t: Test): Promise<void> {
  t.test('times', async (t) => {
    t.test('have microseconds, so that their order is the order of what happened (case 71)', async (t) => {
      const { create } = await start(t)
      const times: string[] = []
      for (let n = 0; n < 20; n++) times.push((await create())['created_at'])
      t.ok(times.some((time) => /\.\d{4,6}Z$/.test(time)), 'a fraction')
      const padded = times.map((time) => time.replace(/(\.\d*)?Z$/, (_all, digits = '.') => digits.padEnd(7, '0')))
      t.same(padded, [...padded].sort())
      t.equal(new Set(padded).size, padded.length)
    })
  })

  t.test('bodies', async (t) => {
    t.test('are read as Go\'s decoders read them (case 89)', async (t) => {
      const { login } = await start(t)
      const form = 'application/x-www-form-urlencoded'
      const json = 'application/json'
      const wrong = '{"method":"password","identifier":"a@example.com","password":"x"}'
      const cases: Array<[string, string, number[]]> = [
        ['{"method":"password","identifier":"a\\u0000b","password":"x"}', json, [4000006]],
        ['{"method":"password","identifier":"\\ud800","password":"x"}', json, [4000006]],
        [`${wrong} x`, json, [4000006]],
        [`${wrong}{`, json, [4000006]],
        [`\ufeff${wrong}`, json, [4000001]],
        [`x${wrong}`, json, [4000001]],
        ['method=password&identifier=%zz&password=x', form, [4000001]],
        ['method=password;identifier=x', form, [4000001]],
        ['method=password&identifier=%ff&password=x', form, [4000006]],
      ]
      for (const [body, type, ids] of cases) t.same(await login(body, type), [400, ids], body)
    })

    t.test('keep a NUL in what they store', async (t) => {
      const { admin, create } = await start(t)
      const { id } = await create({ external_id: 'a\0b\u{10ffff}c' })
      t.equal((await admin('GET', `/identities/${id}`)).body['external_id'], 'a\0b\u{10ffff}c')
    })

    t.test('of the admin API may name members in any case', async (t) => {
      const { admin } = await start(t)
      const { status } = await admin('POST', '/identities', { Schema_ID: 'default', TRAITS: { email: 'case@x.example' } })
      t.equal(status, 201)
    })
  })

  t.test('return_to', async (t) => {
    t.test('is read as Go reads URLs (case 90)', async (t) => {
      const { publicUrl } = await start(t)
      const outcomes: Record<string, number> = {
        '///evil.example': 200,
        '/x': 200,
        '*': 400,
        '.': 400,
        x: 400,
        'http:x': 200,
        '//evil.example': 400,
        [`${HOME}/%zz`]: 400,
        [`${HOME}\\@evil.example`]: 400,
        [`${HOME}@evil.example`]: 400,
        [`${HOME}:1/`]: 400,
        'HTTP://127.0.0.1:3001/A': 200,
        'http://u:p@127.0.0.1:3001/': 200,
        'https://a.EXAMPLE.com/apple': 200,
        'https://example.com/app': 400,
        'https://a.example.com:443/app': 400,
        'myapp://cb/x': 200,
        'myapp:cb': 400,
        ':x': 400,
        '1:b': 400,
      }
      for (const [target, status] of Object.entries(outcomes)) {
        const url = `${publicUrl}/self-service/login/browser?return_to=${encodeURIComponent(target)}`
        t.equal((await call('GET', url)).status, status, target)
      }
      const bad = await call('GET', `${publicUrl}/self-service/login/browser?return_to=${encodeURIComponent('/ä b"')}x|y`)
      t.equal(bad.status, 200)
      const named = await call('GET', `${publicUrl}/self-service/login/browser?return_to=http://ä.example/%c3%a4 b`)
      t.match(named.body['error'].reason, /"http:\/\/%C3%A4\.example\/%C3%A4%20b" is not allowed/)
    })

    t.test('with a broken escape in the address itself counts as missing', async (t) => {
      const { publicUrl } = await start(t)
      const answer = await call('GET', `${publicUrl}/self-service/login/browser?return_to=http://evil.example/%zz`)
      t.equal(answer.status, 200)
    })
  })

  t.test('Accept', async (t) => {
    t.test('with another parameter than q counts for nothing, in any case of letters', async (t) => {
      const { get } = await start(t)
      const outcomes: Record<string, number> = {
        'application/json': 200,
        'application/json;q=0.5,text/html;q=0.4': 200,
        'application/json ; q=0.9, text/html;q=0.8': 200,
        'text/html;q=0.4,application/json;q=0.5': 200,
        'application/json; charset=utf-8': 303,
        'application/json;version=1': 303,
        'application/json;q=.5,text/html;q=.4': 303,
        'application/json;q=0': 303,
        'APPLICATION/JSON': 303,
        'text/html;level=1, application/json': 303,
      }
      for (const [accept, status] of Object.entries(outcomes)) {
        t.equal((await get('/self-service/login/browser', accept)).status, status, accept)
      }
    })
  })

  t.test('the admin API', async (t) => {
    t.test('stores patched credentials and organizations (case 77)', async (t) => {
      const { admin, create } = await start(t)
      const { id, traits } = await create()
      const patch = async (op: string, path: string, value?: unknown): Promise<JsonAnswer> =>
        await admin('PATCH', `/identities/${id}`, [{ op, path, value }])
      const totp = { type: 'totp', identifiers: ['x'], config: { totp_url: 'otpauth://totp/x' } }
      t.same((await patch('add', '/credentials/totp', totp)).body['credentials'].totp.identifiers, ['x'])
      const stored = await admin('GET', `/identities/${id}?include_credential=totp`)
      t.same(stored.body['credentials'].totp.config, totp.config)
      t.notOk('totp' in (await patch('remove', '/credentials/totp')).body['credentials'])
      t.equal((await patch('add', '/credentials/totp', 'x')).status, 400)
      t.equal((await patch('add', '/credentials/nope', { config: {} })).status, 500)
      t.equal((await patch('add', 'traits/first_name', 'Ada')).status, 200)
      t.same((await admin('GET', `/identities/${id}`)).body['traits'], traits, 'what is before the first slash is lost')
      t.equal((await patch('replace', '/Traits', { first_name: 'x' })).status, 400)
      t.equal((await patch('add', '/organization_id', 'x')).status, 400)
      t.equal((await patch('add', '/organization_id', ORGANIZATION)).body['organization_id'], ORGANIZATION)
      t.same((await admin('GET', `/identities?organization_id=${ORGANIZATION}`)).body[0].id, id)
      t.equal((await patch('remove', '/organization_id')).body['organization_id'], null)
    })

    t.test('takes organizations, SAML accounts and the migration hook in a new identity', async (t) => {
      const { create, publicUrl } = await start(t)
      t.equal((await create({ organization_id: ORGANIZATION }))['organization_id'], ORGANIZATION)
      t.match(await create({ organization_id: 'x' }), { error: { message: /incorrect UUID length 1/ } })
      const providers = [{ provider: 'p', subject: 's' }]
      t.same((await create({ credentials: { saml: { config: { providers } } } }))['credentials'].saml.identifiers, ['p:s'])
      const { traits } = await create({ credentials: { password: { config: { use_password_migration_hook: true } } } })
      const flow = await call('GET', `${publicUrl}/self-service/login/api`)
      const login = await call('POST', `${publicUrl}/self-service/login?flow=${flow.body['id']}`, {
        body: { method: 'password', identifier: traits.email, password: PASSWORD },
      })
      t.same([login.status, login.body['error'].id], [500, 'invalid_configuration'])
    })

    t.test('removes a password while codes log in, because they are a first factor (case 72)', async (t) => {
      const withPassword = { credentials: { password: { config: { password: PASSWORD } } } }
      for (const [isPasswordless, status] of [[true, 204], [false, 400]] as const) {
        const { admin, create } = await start(t, { code: { enabled: true, passwordless_enabled: isPasswordless } })
        const { id } = await create(withPassword)
        t.equal((await admin('DELETE', `/identities/${id}/credentials/password`)).status, status)
      }
    })

    t.test('finds a schema by its id in base64 without padding only (case 94)', async (t) => {
      const { get } = await start(t)
      t.equal((await get('/schemas/ZGVmYXVsdA')).status, 200)
      t.equal((await get('/schemas/ZGVmYXVsdA==')).status, 404)
    })
  })

  t.test('stableSort', async (t) => {
    t.test('sorts long lists by an order, and keeps equals in place', async (t) => {
      const items = Array.from({ length: 97 }, (_, index) => ({ key: (index * 31) % 7, index }))
      const sorted = [...items]
      stableSort(sorted, (left, right) => left.key < right.key)
      t.same(sorted, [...items].sort((left, right) => left.key - right.key))
    })
  })

  t.test('unstableSort', async (t) => {
    t.test("leaves equals in the order of Go's sort.Slice (its results, by go1.26)", async (t) => {
      const results: Array<[keys: number[], order: number[]]> = [
        [
          [2, 0, 1, 1, 0, 2, 1, 0, 0, 1, 2, 1, 0, 2, 1, 1],
          [8, 1, 12, 7, 4, 9, 6, 3, 11, 2, 14, 15, 5, 0, 10, 13],
        ],
        [
          [5, 4, 4, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 0, 0, 0, 0],
          [16, 15, 14, 13, 10, 12, 11, 8, 9, 7, 6, 5, 4, 3, 2, 1, 0],
        ],
        [
          [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1],
          [12, 10, 11, 3, 0, 5, 6, 7, 8, 2, 9, 4, 1, 13, 14, 15, 16, 17, 18, 19],
        ],
      ]
      for (const [keys, order] of results) {
        const items = keys.map((_, index) => index)
        unstableSort(items, (left, right) => (keys[left] ?? 0) < (keys[right] ?? 0))
        t.same(items, order, keys.join())
      }
    })

    t.test('sorts long lists', async (t) => {
      const items = Array.from({ length: 500 }, (_, index) => (index * 7919) % 263)
      const sorted = [...items]
      unstableSort(sorted, (left, right) => left < right)
      t.same(sorted, [...items].sort((left, right) => left - right))
    })
  })
}
