import { NO_SESSION_BODY } from '../support/faults.js'
import type { Test } from 'tap'
import { FRONTEND } from '../support/app.js'
import { buildWithKratos, get, post, signUp } from '../support/kratos.js'

export default async function (t: Test): Promise<void> {
  t.test('/api/documents', async (t) => {
    const { app } = await buildWithKratos(t)
    const owner = await signUp(app)
    const stranger = await signUp(app)
    const cookie = { cookie: owner.cookie }
    const create = async (title: string) =>
      (await post(app, '/api/documents', { title, content: `${title}!` }, cookie)).json<{ data: { id: string } }>().data

    await t.test('an empty list names the user', async (t) => {
      const answer = await get(app, '/api/documents', cookie)
      t.equal(answer.statusCode, 200)
      t.same(answer.json(), { success: true, data: { user_id: owner.identityId, documents: [], next_cursor: null } })
    })

    await t.test('create, read, update, delete', async (t) => {
      const created = await post(app, '/api/documents', { title: 'One', content: 'text' }, cookie)
      t.equal(created.statusCode, 201)
      const { data } = created.json()
      t.match(data, { id: String, title: 'One', content: 'text', created_at: String, updated_at: String })
      const url = `/api/documents/${data.id}`
      t.same((await get(app, url, cookie)).json().data, data)
      const patched = await app.inject({ method: 'PATCH', url, headers: cookie, payload: { title: 'Two' } })
      t.match(patched.json().data, { id: data.id, title: 'Two', content: 'text' })
      t.equal((await app.inject({ method: 'DELETE', url, headers: cookie })).statusCode, 200)
      t.equal((await get(app, url, cookie)).statusCode, 404)
    })

    await t.test('a list has no content, which a document has alone', async (t) => {
      const { id } = await create('Large')
      const [listed] = (await get(app, '/api/documents?limit=1', cookie)).json().data.documents
      t.strictSame(Object.keys(listed).sort(), ['created_at', 'id', 'title', 'updated_at'])
      t.equal((await get(app, `/api/documents/${id}`, cookie)).json().data.content, 'Large!')
      await app.inject({ method: 'DELETE', url: `/api/documents/${id}`, headers: cookie })
    })

    await t.test('past its quota a user gets 409, for new documents and larger ones', async (t) => {
      const { app } = await buildWithKratos(t, { env: { DOCUMENTS_PER_USER: '2', DOCUMENT_BYTES_PER_USER: '100' } })
      const { cookie } = await signUp(app)
      const write = (content: string) => post(app, '/api/documents', { title: 't', content }, { cookie })
      const { id } = (await write('x'.repeat(60))).json().data
      for (const refused of [await write('x'.repeat(60)), await app.inject({
        method: 'PATCH',
        url: `/api/documents/${id}`,
        headers: { cookie },
        payload: { content: 'x'.repeat(100) },
      })]) {
        t.equal(refused.statusCode, 409)
        t.match(refused.json(), { success: false, code: 'QUOTA_EXCEEDED' })
      }
      t.same([(await write('')).statusCode, (await write('')).statusCode], [201, 409])
    })

    await t.test('the list pages by cursor, newest first, without loss or repetition', async (t) => {
      for (let count = 0; count < 5; count++) await create(`Document ${count}`)
      const titles: string[] = []
      let cursor: string | null = ''
      do {
        const query: string = cursor === '' ? 'limit=2' : `limit=2&cursor=${encodeURIComponent(cursor ?? '')}`
        const page: { documents: Array<{ title: string }>, next_cursor: string | null } =
          (await get(app, `/api/documents?${query}`, cookie)).json().data
        titles.push(...page.documents.map(({ title }) => title))
        cursor = page.next_cursor
      } while (cursor !== null)
      t.same(titles, ['Document 4', 'Document 3', 'Document 2', 'Document 1', 'Document 0'])
    })

    await t.test("a stranger's document is 404 like a missing one, whatever the method (A36)", async (t) => {
      const { id } = await create('Mine')
      const missing = await get(app, '/api/documents/11111111-2222-4333-8444-555555555555', { cookie: stranger.cookie })
      for (const method of ['GET', 'PATCH', 'DELETE'] as const) {
        const payload = method === 'PATCH' ? { payload: { title: 'Theirs' } } : {}
        const answer = await app.inject({
          method,
          url: `/api/documents/${id}`,
          headers: { cookie: stranger.cookie },
          ...payload,
        })
        t.equal(answer.statusCode, 404)
        t.same(answer.json(), missing.json())
      }
      t.equal((await get(app, `/api/documents/${id}`, cookie)).json().data.title, 'Mine')
    })

    await t.test('bad limits and forged cursors are 400, and no cursor opens another list (A35)', async (t) => {
      for (
        const query of ['limit=-1', 'limit=0', 'limit=1e9', 'limit=abc', 'limit=1.5', 'cursor=forged', 'limit=1&limit=2']
      ) {
        const answer = await get(app, `/api/documents?${query}`, cookie)
        t.equal(answer.statusCode, 400, query)
        t.equal(answer.json().code, 'VALIDATION_ERROR')
      }
      const { next_cursor: mine } = (await get(app, '/api/documents?limit=1', cookie)).json().data
      const other = await get(app, `/api/documents?cursor=${encodeURIComponent(mine)}`, { cookie: stranger.cookie })
      t.ok(other.statusCode === 400 || other.json().data.documents.length === 0)
    })

    await t.test('bad bodies are 400 with the field, text is kept as it is (A04, A18, A37)', async (t) => {
      for (
        const body of [
          {},
          { title: 1, content: 'x' },
          { title: '', content: 'x' },
          { title: 'a\u0000b', content: 'x' },
          { title: 'x', content: 'y', owner: 'z' },
          [],
          null,
        ]
      ) {
        const answer = await post(app, '/api/documents', body, cookie)
        t.equal(answer.statusCode, 400, JSON.stringify(body))
        t.equal(answer.json().code, 'VALIDATION_ERROR')
      }
      t.match((await post(app, '/api/documents', { title: 1, content: 'x' }, cookie)).json(), {
        fields: [{ path: '/title' }],
      })
      const title = "Robert'); DROP TABLE documents;-- 🙂"
      t.equal((await post(app, '/api/documents', { title, content: '' }, cookie)).json().data.title, title)
    })

    await t.test('200,000 characters fit, 256 KiB do not', async (t) => {
      t.equal(
        (await post(app, '/api/documents', { title: 'Long', content: 'x'.repeat(200_000) }, cookie)).statusCode,
        201,
      )
      const answer = await post(app, '/api/documents', { title: 'Long', content: 'x'.repeat(256 * 1024) }, cookie)
      t.equal(answer.statusCode, 413)
      t.equal(answer.json().code, 'PAYLOAD_TOO_LARGE')
    })

    await t.test('401 without a session, before the body is looked at', async (t) => {
      for (
        const [method, url] of [['GET', ''], ['POST', ''], ['GET', '/x'], ['PATCH', '/x'], ['DELETE', '/x']] as const
      ) {
        const answer = await app.inject({ method, url: `/api/documents${url}` })
        t.equal(answer.statusCode, 401, `${method} ${url}`)
        t.same(answer.json(), NO_SESSION_BODY)
      }
      t.equal((await get(app, '/api/doc%75ments')).statusCode, 401, 'whatever the URL looks like (B32)')
    })

    await t.test('a foreign page writes nothing, a native client needs no Origin (C02, C06, C08, C09)', async (t) => {
      const before = (await get(app, '/api/documents?limit=100', cookie)).json().data.documents.length
      const attacks = [{ origin: 'https://evil.example' }, { origin: 'null' }, { origin: `${FRONTEND}/` }, {
        'sec-fetch-site': 'cross-site',
      }, { 'sec-fetch-site': 'same-site' }]
      for (const headers of attacks) {
        const answer = await post(app, '/api/documents', { title: 'Evil', content: '' }, { ...cookie, ...headers })
        t.equal(answer.statusCode, 403, JSON.stringify(headers))
        t.equal(answer.json().code, 'ORIGIN_FORBIDDEN')
      }
      t.equal((await get(app, '/api/documents?limit=100', cookie)).json().data.documents.length, before)
      const native = await post(app, '/api/documents', { title: 'Native', content: '' }, {
        'x-session-token': owner.token,
        origin: 'https://evil.example',
      })
      t.equal(native.statusCode, 201, 'a foreign page cannot send the token header')
    })
  })

  t.test('the users table', async (t) => {
    const { app } = await buildWithKratos(t)

    await t.test('a row that was deleted meanwhile is made anew for the next document', async (t) => {
      const { cookie, identityId } = await signUp(app)
      await get(app, '/api/documents', { cookie })
      await app.store.users.delete(identityId)
      t.equal((await post(app, '/api/documents', { title: 'Again', content: '' }, { cookie })).statusCode, 201)
      t.ok(await app.store.users.find(identityId))
    })

    await t.test('the first authenticated request makes the row when the webhook never came (F12)', async (t) => {
      const { cookie, email, identityId } = await signUp(app)
      t.equal(await app.store.users.find(identityId), undefined)
      await get(app, '/api/auth/whoami', { cookie })
      t.equal(await app.store.users.find(identityId), undefined, 'whoami needs no database')
      await get(app, '/api/documents', { cookie })
      t.match(await app.store.users.find(identityId), { email, first_name: 'Ada' })
    })
  })
}
