import bcrypt from 'bcryptjs'
import type { Test } from 'tap'
import { startEmbeddedKratos } from '../../kratos/embedded/index.js'
import { call, logIn, PASSWORD, register, whoami, type JsonAnswer } from './client.js'

const EMAIL = 'ada@example.test'

interface Admin {
  publicUrl: string
  ask: (method: string, path: string, body?: unknown) => Promise<JsonAnswer>
  create: (more?: object) => Promise<string>
  patch: (id: string, ...operations: object[]) => Promise<JsonAnswer>
}

async function start (t: Test): Promise<Admin> {
  const kratos = await startEmbeddedKratos({ overrides: { hashers: { bcrypt: { cost: 4 } } } })
  t.teardown(async () => await kratos.close())
  const ask: Admin['ask'] = async (method, path, body) =>
    await call(method, `${kratos.adminUrl}/admin${path}`, body === undefined ? {} : { body })
  return {
    publicUrl: kratos.publicUrl,
    ask,
    create: async (more = {}) => {
      const { status, body } = await ask('POST', '/identities', {
        schema_id: 'default',
        traits: { email: EMAIL },
        ...more,
      })
      if (status !== 201) throw new Error(`${status}: ${JSON.stringify(body)}`)
      return body['id']
    },
    patch: async (id, ...operations) => await ask('PATCH', `/identities/${id}`, operations),
  }
}

const withPassword = (config: object): object => ({ credentials: { password: { config } } })
const add = (path: string, value: unknown): object => ({ op: 'add', path, value })
const replace = (path: string, value: unknown): object => ({ op: 'replace', path, value })

export default async function (t: Test): Promise<void> {
  t.test('PATCH /admin/identities/{id}', async (t) => {
    t.test('creates missing parents of a path, and reads ~1 and ~0 as / and ~', async (t) => {
      const { create, patch } = await start(t)
      const id = await create()
      const { body } = await patch(
        id,
        add('/metadata_admin/a/b', 1),
        add('/metadata_admin/x~1y', 2),
        replace('/metadata_admin/~0', 3),
        add('/metadata_public', { list: [1] }),
        add('/metadata_public/list/0', 0),
        add('/metadata_public/list/-', 2),
      )
      t.same([body['metadata_admin'], body['metadata_public']], [{ a: { b: 1 }, 'x/y': 2, '~': 3 }, { list: [0, 1, 2] }])
    })

    t.test(
      'refuses forbidden, missing and prototype paths, and then changes nothing',
      async (t) => {
        const { create, patch, ask } = await start(t)
        const id = await create()
        const before = (await ask('GET', `/identities/${id}`)).body
        const valid = add('/metadata_public', { a: 1 })
        for (
          const operation of [
            add('/id', id),
            replace('/ID', id),
            add('/credentials', {}),
            add('/credentials/oidc/config', {}),
            { op: 'remove', path: '/nope' },
            { op: 'move', path: '/traits', from: '/x' },
            { op: 'add' },
            add('/traits/email', 'no mail'),
            add('/traits/nope', 1),
          ]
        ) {
          t.equal((await patch(id, valid, operation)).status, 400, JSON.stringify(operation))
        }
        await patch(id, add('/traits/__proto__/polluted', true), add('/metadata_public/__proto__/polluted', true))
        t.notOk('polluted' in {})
        t.same((await ask('GET', `/identities/${id}`)).body['traits'], before['traits'])
        t.match((await ask('GET', `/identities/${id}`)).body['metadata_public'], before['metadata_public'])
      },
    )

    t.test('a new address can be verified and used for login; the old one is free again', async (t) => {
      const { create, patch, publicUrl } = await start(t)
      const id = await create(withPassword({ password: PASSWORD }))
      const { body } = await patch(id, replace('/traits/email', 'new@example.test'))
      t.match(body['verifiable_addresses'], [{ value: 'new@example.test', verified: false, status: 'pending' }])
      t.equal(body['verifiable_addresses'].length, 1)
      t.same([(await logIn(publicUrl, EMAIL)).status, (await logIn(publicUrl, 'new@example.test')).status], [400, 200])
      t.equal((await register(publicUrl, EMAIL)).status, 200)
    })
  })

  t.test('POST /admin/identities', async (t) => {
    t.test('accepts a password or its hash, but no unknown hash format', async (t) => {
      const { ask, create, publicUrl } = await start(t)
      await create(withPassword({ hashed_password: bcrypt.hashSync(PASSWORD, 4) }))
      t.same(
        [(await logIn(publicUrl, EMAIL)).status, (await logIn(publicUrl, EMAIL, 'Another-one-42')).status],
        [200, 400],
      )
      const { status, body } = await ask('POST', '/identities', {
        schema_id: 'default',
        traits: { email: 'b@example.test' },
        ...withPassword({ hashed_password: 'plain' }),
      })
      t.match([status, body['error'].reason], [400, /does not match any known hash format/])
    })

    t.test('shows no secrets, and the data of social login only if it is asked for', async (t) => {
      const { ask, create } = await start(t)
      const id = await create({
        credentials: {
          password: { config: { password: PASSWORD } },
          oidc: { config: { providers: [{ provider: 'dummy', subject: 's1' }] } },
        },
      })
      const plain = (await ask('GET', `/identities/${id}`)).body['credentials']
      t.notMatch(JSON.stringify(plain), /\$2[aby]\$|"config"/)
      const { body } = await ask('GET', `/identities/${id}?include_credential=oidc`)
      t.match(body['credentials'].oidc, {
        identifiers: ['dummy:s1'],
        config: { providers: [{ provider: 'dummy', subject: 's1' }] },
      })
      t.equal((await ask('GET', '/identities?credentials_identifier=dummy:s1')).body[0].id, id)
    })

    t.test('only one of twenty simultaneous requests with the same address succeeds', async (t) => {
      const { ask } = await start(t)
      const answers = await Promise.all(
        Array.from(
          { length: 20 },
          async () => await ask('POST', '/identities', { schema_id: 'default', traits: { email: EMAIL } }),
        ),
      )
      t.same(answers.map(({ status }) => status).sort(), [201, ...Array.from({ length: 19 }, () => 409)])
    })
  })

  t.test('GET /admin/identities', async (t) => {
    t.test('the last page has no next link, and an invalid page token is refused', async (t) => {
      const { ask, create } = await start(t)
      for (const n of [1, 2, 3]) await create({ traits: { email: `p${n}@example.test` } })
      const first = await ask('GET', '/identities?page_size=2')
      const next = /page_token=([^&>]+)[^>]*>; rel="next"/.exec(first.headers.get('link') ?? '')?.[1] ?? ''
      const second = await ask('GET', `/identities?page_size=2&page_token=${next}`)
      t.same([first.body['length'], second.body['length']], [2, 1])
      t.notMatch(second.headers.get('link'), /rel="next"/)
      t.equal((await ask('GET', '/identities?page_token=nope')).status, 400)
    })

    t.test('accepts only one filter', async (t) => {
      const { ask, create } = await start(t)
      const id = await create()
      t.match((await ask('GET', `/identities?ids=${id}`)).body, [{ id }])
      t.same((await ask('GET', '/identities?credentials_identifier=nobody@example.test')).body, [])
      t.equal((await ask('GET', `/identities?ids=${id}&credentials_identifier=${EMAIL}`)).status, 400)
    })
  })

  t.test('DELETE /admin/identities/{id}/credentials/{type}', async (t) => {
    t.test('removes a second way to log in, but never the last', async (t) => {
      const { ask, create, publicUrl } = await start(t)
      const id = await create({
        credentials: {
          password: { config: { password: PASSWORD } },
          oidc: { config: { providers: [{ provider: 'dummy', subject: 's1' }] } },
        },
      })
      t.equal((await ask('DELETE', `/identities/${id}/credentials/totp`)).status, 404)
      t.equal((await ask('DELETE', `/identities/${id}/credentials/oidc?identifier=dummy:other`)).status, 404)
      t.equal((await ask('DELETE', `/identities/${id}/credentials/oidc?identifier=dummy:s1`)).status, 204)
      t.equal((await ask('DELETE', `/identities/${id}/credentials/password`)).status, 400)
      t.equal((await logIn(publicUrl, EMAIL)).status, 200)
    })
  })

  t.test('sessions', async (t) => {
    t.test('end when their identity is deleted, and while it is inactive', async (t) => {
      const { ask, patch, publicUrl } = await start(t)
      const { body } = await register(publicUrl, EMAIL)
      const seen = async (): Promise<number> =>
        (await whoami(publicUrl, { 'x-session-token': body['session_token'] })).status
      const id: string = body['identity'].id
      await patch(id, replace('/state', 'inactive'))
      t.equal(await seen(), 401)
      await patch(id, replace('/state', 'active'))
      t.equal(await seen(), 200)
      t.equal((await ask('DELETE', `/identities/${id}`)).status, 204)
      t.same([await seen(), (await ask('GET', `/sessions/${String(body['session'].id)}`)).status], [401, 404])
    })

    t.test('are listed newest first, by pages, active or ended', async (t) => {
      const { ask, publicUrl } = await start(t)
      const ids: string[] = []
      for (const n of [1, 2, 3]) ids.unshift((await register(publicUrl, `s${n}@example.test`)).body['session'].id)
      const first = await ask('GET', '/sessions?page_size=2')
      const next = /page_token=([^&>]+)[^>]*>; rel="next"/.exec(first.headers.get('link') ?? '')?.[1] ?? ''
      const second = await ask('GET', `/sessions?page_size=2&page_token=${next}`)
      t.same([...first.body as any, ...second.body as any].map(({ id }: { id: string }) => id), ids)
      t.equal((await ask('DELETE', `/sessions/${ids[0] ?? ''}`)).status, 204)
      const count = async (active: boolean): Promise<number> =>
        (await ask('GET', `/sessions?active=${active}`)).body['length']
      t.same([await count(true), await count(false)], [2, 1])
    })
  })
}
