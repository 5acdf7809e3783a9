import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import Fastify, { type FastifyInstance } from 'fastify'
import Libsql from 'libsql'
import type { Test } from 'tap'
import { createDeletionWorker } from '../../src/service/deletion-worker.js'
import type { DeletionRepository } from '../../src/service/store/deletions.js'
import { build, temporaryFolder, WEBHOOK_KEY } from '../support/app.js'
import { answer, type FaultServer, type Reaction, startFaultServer } from '../support/fault-server.js'
import { ID, SESSION } from '../support/faults.js'
import { buildWithKratos, get, post, signUp } from '../support/kratos.js'

const TOKEN = { 'x-session-token': `ory_st_${'a'.repeat(32)}` }
const NOT_FOUND = answer(404, { error: { code: 404, status: 'Not Found', message: 'Unable to locate the resource' } })
const deleteAccount = (app: FastifyInstance, headers: Record<string, string>) =>
  app.inject({ method: 'DELETE', url: '/api/auth/account', headers })

interface Scene {
  app: FastifyInstance
  kratos: FaultServer
  env: Record<string, string>
  /** Another process that writes: ours cannot. Gives what ends it. */
  lock: () => () => void
  /** As if the process had left its deletions alone for two minutes. */
  abandon: () => void
  rows: () => Promise<[user: boolean, documents: number, deleted: boolean]>
}

/** A service on a file of its own, in front of a Kratos that does as told; the person of SESSION has a document. */
async function scene (t: Test, onDelete: Reaction, onGet: Reaction = NOT_FOUND): Promise<Scene> {
  const kratos = await startFaultServer(t, (socket, request) => {
    const reaction = request.target.startsWith('/admin/identities')
      ? request.method === 'DELETE' ? onDelete : onGet
      : answer(200, { ...SESSION, authenticated_at: new Date().toISOString() })
    reaction(socket, request)
  })
  const path = join(await temporaryFolder(t), 'app.db')
  const env = { DATABASE_URL: path, KRATOS_PUBLIC_URL: kratos.url, KRATOS_ADMIN_URL: kratos.url.replace('127.0.0.1', 'localhost') }
  const { app } = await build(t, { ...env, KRATOS_DEADLINE_MS: '300' })
  t.equal((await post(app, '/api/documents', { title: 't', content: 'c' }, TOKEN)).statusCode, 201)
  const other = new Libsql(path)
  t.teardown(() => other.close())
  return {
    app,
    kratos,
    env,
    lock: () => {
      other.exec('BEGIN IMMEDIATE')
      return () => other.exec('ROLLBACK')
    },
    abandon: () => other.exec("UPDATE account_deletions SET attempted_at = '2026-01-01T00:00:00.000Z'"),
    rows: async () => [
      await app.store.users.find(ID) !== undefined,
      (await app.store.documents.list(ID, { limit: 10 })).documents.length,
      await app.store.deletions.isDeleted(ID),
    ],
  }
}

const deletions = ({ requests }: FaultServer): number => requests.filter(({ method }) => method === 'DELETE').length
const settle = ({ store, kratos, log }: FastifyInstance, finished: string[] = []): Promise<void> =>
  createDeletionWorker({ deletions: store.deletions, kratos, log, onFinished: (id) => finished.push(id) })()

export default async function (t: Test): Promise<void> {
  t.test('a Kratos that does not answer is asked about one unfinished deletion at a time', async (t) => {
    const app = Fastify()
    const left = [1, 2, 3]
    let asked = 0
    await createDeletionWorker({
      deletions: {
        takeOver: async () => left.pop() === undefined ? undefined : { identityId: ID, attemptedAt: '' },
        forgetOld: async () => {},
      } as unknown as DeletionRepository,
      kratos: {
        hasIdentity: async () => {
          asked++
          return 'unknown'
        },
      },
      log: app.log,
      onFinished: () => {},
    })()
    t.equal(asked, 1)
  })

  t.test('DELETE /api/auth/account', async (t) => {
    await t.test('a document whose body arrives after the deletion brings nothing back (K15)', async (t) => {
      const { app } = await buildWithKratos(t)
      await app.listen({ port: 0, host: '127.0.0.1' })
      const { cookie, identityId } = await signUp(app)
      await post(app, '/api/documents', { title: 't', content: 'c' }, { cookie })
      const body = '{"title":"t","content":"late"}'
      const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
      t.teardown(() => socket.destroy())
      const guarded = new Promise<void>((resolve) => {
        app.sessions.resolve = ((resolveSession) => async (...args: Parameters<typeof resolveSession>) => {
          const outcome = await resolveSession(...args)
          setImmediate(resolve)
          return outcome
        })(app.sessions.resolve)
      })
      const head = `POST /api/documents HTTP/1.1\r\nHost: x\r\nCookie: ${cookie}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`
      socket.write(head + body.slice(0, 5))
      await guarded
      t.equal((await deleteAccount(app, { cookie })).statusCode, 200)
      socket.write(body.slice(5))
      const [late] = await once(socket, 'data') as [Buffer]
      t.match(late.toString(), /^HTTP\/1\.1 401 [^]*INVALID_SESSION/)
      t.equal(await app.store.users.find(identityId), undefined)
    })

    await t.test('nor does a late delivery of the webhook', async (t) => {
      const { app } = await buildWithKratos(t)
      const { cookie, identityId } = await signUp(app)
      t.equal((await deleteAccount(app, { cookie })).statusCode, 200)
      const identity = { id: identityId, traits: { email: 'late@example.com' }, updated_at: '2099-01-01T00:00:00Z' }
      const delivery = await post(app, '/internal/auth/user-updated', { identity }, { 'x-webhook-key': WEBHOOK_KEY })
      t.equal(delivery.statusCode, 200)
      t.equal(await app.store.users.find(identityId), undefined)
    })

    await t.test('nor does a session that another replica has kept', async (t) => {
      const DATABASE_URL = join(await temporaryFolder(t), 'app.db')
      const env = { DATABASE_URL, SESSION_CACHE_MAX_AGE: '5' }
      const { app, kratos } = await buildWithKratos(t, { env })
      const urls = { KRATOS_PUBLIC_URL: kratos.publicUrl, KRATOS_ADMIN_URL: kratos.adminUrl }
      const { app: replica } = await build(t, { ...env, ...urls })
      const { cookie, identityId } = await signUp(app)
      t.equal((await get(replica, '/api/documents', { cookie })).statusCode, 200)
      t.equal((await deleteAccount(app, { cookie })).statusCode, 200)
      t.equal((await get(replica, '/api/documents', { cookie })).statusCode, 401)
      t.equal((await post(replica, '/api/documents', { title: 't', content: '' }, { cookie })).statusCode, 401)
      t.equal(await app.store.users.find(identityId), undefined)
    })

    await t.test('without a database it is 503, and Kratos is not asked', async (t) => {
      const { app, kratos, lock, rows } = await scene(t, answer(204, undefined))
      const unlock = lock()
      const refused = await deleteAccount(app, TOKEN)
      unlock()
      t.match([refused.statusCode, refused.json()], [503, { code: 'DATABASE_UNAVAILABLE' }])
      t.notOk('deletion' in refused.json())
      t.equal(deletions(kratos), 0)
      t.same(await rows(), [true, 1, false])
      t.equal((await get(app, '/api/documents', TOKEN)).statusCode, 200)
    })

    await t.test('a database that fails after Kratos makes it pending, and any replica finishes it (K16)', async (t) => {
      let unlock = (): void => {}
      const { app, abandon, env, lock, rows } = await scene(t, (socket, request) => {
        unlock = lock()
        answer(204, undefined)(socket, request)
      })
      const pending = await deleteAccount(app, TOKEN)
      t.match([pending.statusCode, pending.json()], [503, { code: 'DATABASE_UNAVAILABLE', deletion: 'pending' }])
      t.ok(pending.headers['retry-after'])
      unlock()
      t.equal((await get(app, '/api/documents', TOKEN)).statusCode, 401, 'it is over at once here')
      const finished: string[] = []
      await settle(app, finished)
      t.same(await rows(), [true, 1, false], 'a minute belongs to the request')
      abandon()
      const { app: replica } = await build(t, env)
      await replica.close()
      t.same(await rows(), [false, 0, true], 'done by another process, at its start')
      await settle(app, finished)
      t.same(finished, [])
    })

    await t.test('what Kratos refuses is withdrawn: the account lives on', async (t) => {
      const { app, abandon, rows } = await scene(t, answer(429, { error: { code: 429 } }))
      t.equal((await deleteAccount(app, TOKEN)).statusCode, 429)
      abandon()
      await settle(app)
      t.same(await rows(), [true, 1, false])
      t.equal((await get(app, '/api/documents', TOKEN)).statusCode, 200)
    })

    await t.test('a request that Kratos refuses does not take back one before it, of which nobody knows', async (t) => {
      let isFirst = true
      const { app, abandon, rows } = await scene(t, (socket, request) => {
        if (isFirst) socket.destroy()
        else answer(429, { error: { code: 429 } })(socket, request)
        isFirst = false
      })
      t.ok((await deleteAccount(app, TOKEN)).statusCode >= 502, 'Kratos had deleted the identity, and its answer was lost')
      t.equal((await deleteAccount(app, TOKEN)).statusCode, 429)
      abandon()
      await settle(app)
      t.same(await rows(), [false, 0, true])
    })

    for (
      const [what, reaction] of [['too late', () => {}], [
        'cut off',
        (socket) => socket.destroy(),
      ]] as Array<[string, Reaction]>
    ) {
      await t.test(`an answer that is ${what} is a failure, and Kratos is asked later what became of it`, async (t) => {
        const gone = await scene(t, reaction)
        t.ok((await deleteAccount(gone.app, TOKEN)).statusCode >= 502)
        t.same(await gone.rows(), [true, 1, false])
        gone.abandon()
        await settle(gone.app)
        t.same(await gone.rows(), [false, 0, true], 'it had deleted the identity')

        const alive = await scene(t, reaction, answer(200, SESSION.identity))
        await deleteAccount(alive.app, TOKEN)
        alive.abandon()
        await settle(alive.app)
        t.same(await alive.rows(), [true, 1, false], 'it had not')
      })
    }

    await t.test("a 404 that is not Kratos' own proves nothing", async (t) => {
      const { app, abandon, rows } = await scene(t, answer(404, '<h1>nginx</h1>', [['Content-Type', 'text/html']]), answer(404, {}))
      t.equal((await deleteAccount(app, TOKEN)).statusCode, 502)
      abandon()
      await settle(app)
      t.same(await rows(), [true, 1, false])
    })
  })

  t.test('a row', async (t) => {
    await t.test('is not older than what the session of a request shows', async (t) => {
      const { app, kratos } = await buildWithKratos(t)
      const { cookie, identityId } = await signUp(app)
      await get(app, '/api/documents', { cookie })
      const patch = [{ op: 'replace', path: '/traits/first_name', value: 'Grace' }]
      await fetch(`${kratos.adminUrl}/admin/identities/${identityId}`, {
        method: 'PATCH',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(patch),
      })
      await get(app, '/api/documents', { cookie })
      t.match(await app.store.users.find(identityId), { first_name: 'Grace' })
    })
  })
}
