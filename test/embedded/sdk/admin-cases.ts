import { Configuration, CourierApi, IdentityApi, IdentityFromJSON, MetadataApi } from '@ory/client-fetch'
import type { Test } from 'tap'
import type { EmbeddedKratos } from '../../../kratos/embedded/index.js'
import { logIn, PASSWORD, whoami } from '../client.js'
import type { Exchanged } from '../schema/described.js'
import { observed, refusal } from './visitor.js'

const unknownId = '11111111-2222-4333-8444-555555555555'

/** What an operator does with the stock SDK: identities, sessions, recovery, mails, health. */
export function adminCases (t: Test, kratos: EmbeddedKratos, exchanges: Exchanged[]): void {
  const configuration = new Configuration({ basePath: kratos.adminUrl, fetchApi: observed(fetch, 'admin', exchanges) })
  const identities = new IdentityApi(configuration)
  const create = async (email: string, more: object = {}) =>
    await identities.createIdentity({ createIdentityBody: { schema_id: 'default', traits: { email }, credentials: { password: { config: { password: PASSWORD } } }, ...more } })

  t.test('an identity is made, read, replaced, patched and deleted', async (t) => {
    const made = await create('made@example.test', { metadata_public: { plan: 'free' }, external_id: 'crm-1' })
    t.match(made, { id: /^[0-9a-f-]{36}$/, state: 'active', schema_id: 'default', created_at: Date, metadata_public: { plan: 'free' } })
    t.same((await identities.getIdentity({ id: made.id })).traits, { email: 'made@example.test' })
    t.equal((await identities.getIdentityByExternalID({ externalID: 'crm-1' })).id, made.id)
    t.equal((await logIn(kratos.publicUrl, 'made@example.test')).status, 200)

    const updateIdentityBody = { schema_id: 'default', state: 'inactive' as const, traits: { email: 'replaced@example.test' } }
    t.match(await identities.updateIdentity({ id: made.id, updateIdentityBody }), { state: 'inactive', metadata_public: undefined })
    const patched = await identities.patchIdentity({ id: made.id, jsonPatch: [{ op: 'replace', path: '/state', value: 'active' }, { op: 'add', path: '/traits/first_name', value: 'Joan' }] })
    t.match(patched, { state: 'active', traits: { email: 'replaced@example.test', first_name: 'Joan' } })

    await identities.deleteIdentity({ id: made.id })
    for (const gone of [identities.getIdentity({ id: made.id }), identities.deleteIdentity({ id: made.id })]) t.equal((await refusal(gone)).status, 404)
  })

  t.test('a taken address is 409, bad traits are 400, an unknown schema is 400', async (t) => {
    await create('taken@example.test')
    t.equal((await refusal(create('taken@example.test'))).status, 409)
    t.equal((await refusal(create('not an address'))).status, 400)
    t.equal((await refusal(create('other@example.test', { schema_id: 'nope' }))).status, 400)
  })

  t.test('lists page by page without loss, and find one by its identifier', async (t) => {
    const emails = ['a', 'b', 'c', 'd', 'e'].map((letter) => `page-${letter}@example.test`)
    for (const email of emails) await create(email)
    const seen: string[] = []
    let pageToken: string | undefined
    do {
      const { raw } = await identities.listIdentitiesRaw({ pageSize: 2, ...(pageToken !== undefined && { pageToken }) })
      const page: unknown[] = await raw.clone().json() as unknown[]
      seen.push(...page.map((identity) => IdentityFromJSON(identity).traits.email))
      pageToken = /[?&]page_token=([^&>]+)[^>]*>; ?rel="next"/.exec(raw.headers.get('link') ?? '')?.[1]
    } while (pageToken !== undefined)
    t.same(emails.filter((email) => !seen.includes(email)), [])
    t.equal(new Set(seen).size, seen.length)
    t.match(await identities.listIdentities({ credentialsIdentifier: 'PAGE-c@example.test' }), [{ traits: { email: 'page-c@example.test' } }])
  })

  t.test('a batch creates and says which of it failed', async (t) => {
    const body = (email: string) => ({ schema_id: 'default', traits: { email } })
    const { identities: done = [] } = await identities.batchPatchIdentities({
      patchIdentitiesBody: { identities: [{ create: body('batch-1@example.test') }, { create: body('batch-2@example.test') }, { create: body('nonsense') }] }
    })
    t.match(done.map(({ action }) => action), ['create', 'create', 'error'])
    t.match((await identities.getIdentity({ id: done[0]?.identity ?? '' })).traits, { email: 'batch-1@example.test' })
  })

  t.test('sessions are listed, extended and ended, of one and of all devices', async (t) => {
    const { id } = await create('sessions@example.test')
    const tokens = await Promise.all([1, 2, 3].map(async () => String((await logIn(kratos.publicUrl, 'sessions@example.test')).body['session_token'])))
    const alive = async () => await Promise.all(tokens.map(async (token) => (await whoami(kratos.publicUrl, { 'x-session-token': token })).status))
    const listed = await identities.listIdentitySessions({ id })
    t.equal(listed.length, 3)
    const first = String((await whoami(kratos.publicUrl, { 'x-session-token': tokens[0] ?? '' })).body['id'])
    t.match(await identities.getSession({ id: first, expand: ['identity', 'devices'] }), { id: first, active: true, identity: { id } })
    t.ok((await identities.listSessions({ active: true })).some((session) => session.id === first))
    await identities.extendSession({ id: first })
    await identities.disableSession({ id: first })
    t.same(await alive(), [401, 200, 200])
    await identities.deleteIdentitySessions({ id })
    t.same(await alive(), [401, 401, 401])
    t.equal((await refusal(identities.listIdentitySessions({ id: unknownId }))).status, 404)
  })

  t.test('recovery by code and by link is handed out for somebody', async (t) => {
    const { id } = await create('lost@example.test')
    const { recovery_code: code, recovery_link: link, expires_at: expiresAt } =
      await identities.createRecoveryCodeForIdentity({ createRecoveryCodeForIdentityBody: { identity_id: id } })
    t.match([code, link], [/^\d{6}$/, /recovery\?flow=/])
    t.ok((expiresAt ?? new Date(0)).getTime() > Date.now())
    t.match((await identities.createRecoveryLinkForIdentity({ createRecoveryLinkForIdentityBody: { identity_id: id } })).recovery_link, /token=/)
    t.equal((await refusal(identities.createRecoveryCodeForIdentity({ createRecoveryCodeForIdentityBody: { identity_id: unknownId } }))).status, 404)
  })

  t.test('schemas are shown', async (t) => {
    t.match(await identities.listIdentitySchemas(), [{ id: 'default', schema: { title: 'Person' } }])
    t.match(await identities.getIdentitySchema({ id: 'default' }), { title: 'Person' })
  })

  t.test('mails, health and version', async (t) => {
    const { id } = await create('mailed@example.test')
    const { body } = await logIn(kratos.publicUrl, 'mailed@example.test')
    t.equal(body['session'].identity.id, id)
    const courier = new CourierApi(configuration)
    await kratos.createIdentity({ email: 'nobody@example.test' })
    const messages = await courier.listCourierMessages()
    for (const message of messages.slice(0, 1)) t.match(await courier.getCourierMessage({ id: message.id }), { id: message.id, recipient: message.recipient })
    const metadata = new MetadataApi(configuration)
    t.same([await metadata.isAlive(), await metadata.isReady()], [{ status: 'ok' }, { status: 'ok' }])
    t.same(await metadata.getVersion(), { version: kratos.version })
  })
}
