import type { Test } from 'tap'
import { startEmbeddedKratos, type EmbeddedKratos, type JsonObject } from '../../kratos/embedded/index.js'
import { call, type JsonAnswer } from './client.js'

const urlOf = (id: string): string => `http://kratos.test/schemas/${Buffer.from(id).toString('base64url')}`

const schema = (id: string): JsonObject => ({
  id,
  url: `base64://${
    Buffer.from(JSON.stringify({
      $id: `https://schemas.test/${id}.json`,
      type: 'object',
      properties: { traits: { type: 'object', properties: { email: { type: 'string' } } } },
    })).toString('base64')
  }`,
})

async function start (t: Test): Promise<EmbeddedKratos> {
  const kratos = await startEmbeddedKratos({
    env: {},
    baseUrl: 'keep',
    config: {
      serve: { public: { base_url: 'http://kratos.test/' } },
      selfservice: { default_browser_return_url: 'http://app.test/' },
      identity: { default_schema_id: 'customer', schemas: [schema('customer'), schema('employee')] },
    },
  })
  t.teardown(async () => await kratos.close())
  return kratos
}

const create = async ({ adminUrl }: EmbeddedKratos): Promise<string> => {
  const body = { schema_id: 'customer', traits: { email: 'a' } }
  return String((await call('POST', `${adminUrl}/admin/identities`, { body })).body['id'])
}

export default async function (t: Test): Promise<void> {
  t.test('schema_url of an identity', async (t) => {
    const kratos = await start(t)
    const url = `${kratos.adminUrl}/admin/identities/${await create(kratos)}`
    const patch = async (operation: object): Promise<JsonAnswer> => await call('PATCH', url, { body: [operation] })
    const shown = async (): Promise<string> => (await call('GET', url)).body['schema_url']

    t.test('is the one before in the answer to a change of schema, and the right one afterwards', async (t) => {
      const { body } = await patch({ op: 'replace', path: '/schema_id', value: 'employee' })
      t.match(body, { schema_id: 'employee', schema_url: urlOf('customer') })
      t.equal(await shown(), urlOf('employee'))
      const put = await call('PUT', url, { body: { schema_id: 'customer', state: 'active', traits: { email: 'a' } } })
      t.match(put.body, { schema_id: 'customer', schema_url: urlOf('employee') })
      t.equal(await shown(), urlOf('customer'))
    })

    t.test('can be patched, which changes that answer only', async (t) => {
      t.equal((await patch({ op: 'replace', path: '/schema_url', value: 'x' })).body['schema_url'], 'x')
      t.equal((await patch({ op: 'remove', path: '/schema_url' })).body['schema_url'], '')
      t.equal(await shown(), urlOf('customer'))
      t.match(await patch({ op: 'replace', path: '/schema_url', value: 3 }), {
        status: 400,
        body: { error: { message: /cannot unmarshal number into Go struct field .*\.schema_url of type string$/ } },
      })
    })

    t.test('needs a schema named default when schema_id is taken away, whatever the default is', async (t) => {
      for (const operation of [{ op: 'remove' }, { op: 'replace', value: '' }]) {
        t.match(await patch({ ...operation, path: '/schema_id' }), {
          status: 400,
          body: { error: { reason: 'Unable to find JSON Schema ID: default' } },
        })
      }
      t.equal(await shown(), urlOf('customer'))
    })
  })

  t.test('the admin port', async (t) => {
    t.test('cleans a path without /admin, and with it a slash at the end is another path', async (t) => {
      const kratos = await start(t)
      const id = await create(kratos)
      const get = async (path: string): Promise<Response> =>
        await fetch(`${kratos.adminUrl}${path}`, { redirect: 'manual' })
      for (const path of ['/identities/', `/identities/${id}/`, '/sessions/', '/health/ready/?x=/']) {
        t.equal((await get(path)).status, 200, path)
        t.equal((await get(`/${path}`)).status, 200, `/${path}`)
        t.equal((await get(`/admin${path}`)).status, 404, `/admin${path}`)
      }
      const { status, headers } = await get('/schemas/customer/?a=b/')
      t.equal(status, 307)
      t.equal(headers.get('location'), 'http://kratos.test/schemas/customer?a=b/')
    })
  })
}
