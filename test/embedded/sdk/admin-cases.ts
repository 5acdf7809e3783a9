import { randomUUID } from 'node:crypto'
import { Configuration, CourierApi, IdentityApi, IdentityFromJSON, MetadataApi } from '@ory/client-fetch'
import type { Test } from 'tap'
import { freshEmail, PASSWORD, type TargetKratos } from '../../support/target.js'
import { logIn, register, whoami } from '../client.js'
import type { Exchanged } from '../schema/described.js'
import { observed, refusal } from './visitor.js'

const unknownId = '11111111-2222-4333-8444-555555555555'

/** What an operator does with the stock SDK: identities, sessions, recovery, mails, health. */
export function adminCases (t: Test, kratos: TargetKratos, exchanges: Exchanged[]): void {
  const configuration = new Configuration({ basePath: kratos.adminUrl, fetchApi: observed(fetch, kratos, exchanges) })
  const identities = new IdentityApi(configuration)
  const create = async (email: string, more: object = {}) =>
    await identities.createIdentity({
      createIdentityBody: {
        schema_id: 'default',
        traits: { email },
        credentials: { password: { config: { password: PASSWORD } } },
        ...more,
      },
    })

  t.test('an identity is made, read, replaced, patched and deleted', async (t) => {
    const [email, newEmail, externalID] = [freshEmail(), freshEmail(), randomUUID()]
    const made = await create(email, { metadata_public: { plan: 'free' }, external_id: externalID })
    t.match(made, {
      id: /^[0-9a-f-]{36}$/,
      state: 'active',
      schema_id: 'default',
      created_at: Date,
      metadata_public: { plan: 'free' },
    })
    t.same((await identities.getIdentity({ id: made.id })).traits, { email })
    t.equal((await identities.getIdentityByExternalID({ externalID })).id, made.id)
    t.equal((await logIn(kratos.publicUrl, email)).status, 200)

    const updateIdentityBody = { schema_id: 'default', state: 'inactive' as const, traits: { email: newEmail } }
    t.match(await identities.updateIdentity({ id: made.id, updateIdentityBody }), {
      state: 'inactive',
      metadata_public: undefined,
    })
    const patched = await identities.patchIdentity({
      id: made.id,
      jsonPatch: [
        { op: 'replace', path: '/state', value: 'active' },
        { op: 'add', path: '/traits/first_name', value: 'Joan' },
      ],
    })
    t.match(patched, { state: 'active', traits: { email: newEmail, first_name: 'Joan' } })

    await identities.deleteIdentity({ id: made.id })
    t.equal((await refusal(identities.getIdentity({ id: made.id }))).status, 404)
    t.equal((await refusal(identities.deleteIdentity({ id: made.id }))).status, 404)
  })

  t.test('a used address is 409, invalid traits and unknown schemas are 400', async (t) => {
    const email = freshEmail()
    await create(email)
    t.equal((await refusal(create(email))).status, 409)
    t.equal((await refusal(create('not an address'))).status, 400)
    t.equal((await refusal(create(freshEmail(), { schema_id: 'nope' }))).status, 400)
  })

  t.test('lists all by pages, and finds one by its identifier', async (t) => {
    const emails = Array.from({ length: 5 }, freshEmail)
    for (const email of emails) await create(email)
    const seen: string[] = []
    let pageToken: string | undefined
    do {
      const { raw } = await identities.listIdentitiesRaw({ pageSize: 3, ...(pageToken !== undefined && { pageToken }) })
      const page: unknown[] = await raw.clone().json() as unknown[]
      seen.push(...page.map((identity) => IdentityFromJSON(identity).traits.email))
      pageToken = /[?&]page_token=([^&>]+)[^>]*>; ?rel="next"/.exec(raw.headers.get('link') ?? '')?.[1]
    } while (pageToken !== undefined)
    t.same(emails.filter((email) => !seen.includes(email)), [])
    t.equal(new Set(seen).size, seen.length)
    const [first = ''] = emails
    t.match(await identities.listIdentities({ credentialsIdentifier: first.toUpperCase() }), [
      { traits: { email: first } },
    ])
  })

  t.test('a batch creates identities and says which failed', async (t) => {
    const email = freshEmail()
    const body = (email: string) => ({ schema_id: 'default', traits: { email } })
    const { identities: done = [] } = await identities.batchPatchIdentities({
      patchIdentitiesBody: {
        identities: [{ create: body(email) }, { create: body(freshEmail()) }, { create: body('nonsense') }],
      },
    })
    t.match(done.map(({ action }) => action), ['create', 'create', 'error'])
    t.match((await identities.getIdentity({ id: done[0]?.identity ?? '' })).traits, { email })
  })

  t.test('sessions are listed, extended and ended, one or all of an identity', async (t) => {
    const email = freshEmail()
    const { id } = await create(email)
    const tokens = await Promise.all(
      [1, 2, 3].map(async () => String((await logIn(kratos.publicUrl, email)).body['session_token'])),
    )
    const alive = async () =>
      await Promise.all(
        tokens.map(async (token) => (await whoami(kratos.publicUrl, { 'x-session-token': token })).status),
      )
    const listed = await identities.listIdentitySessions({ id })
    t.equal(listed.length, 3)
    const first = String((await whoami(kratos.publicUrl, { 'x-session-token': tokens[0] ?? '' })).body['id'])
    t.match(await identities.getSession({ id: first, expand: ['identity', 'devices'] }), {
      id: first,
      active: true,
      identity: { id },
    })
    t.ok((await identities.listSessions({ active: true })).some((session) => session.id === first))
    await identities.extendSession({ id: first })
    await identities.disableSession({ id: first })
    t.same(await alive(), [401, 200, 200])
    await identities.deleteIdentitySessions({ id })
    t.same(await alive(), [401, 401, 401])
    t.same(await identities.listIdentitySessions({ id: unknownId }), [])
  })

  t.test('codes and links for recovery are created', async (t) => {
    const { id } = await create(freshEmail())
    const { recovery_code: code, recovery_link: link, expires_at: expiresAt } = await identities
      .createRecoveryCodeForIdentity({ createRecoveryCodeForIdentityBody: { identity_id: id } })
    t.match([code, link], [/^\d{6}$/, /recovery\?flow=/])
    t.ok((expiresAt ?? new Date(0)).getTime() > Date.now())
    t.match(
      (await identities.createRecoveryLinkForIdentity({ createRecoveryLinkForIdentityBody: { identity_id: id } }))
        .recovery_link,
      /token=/,
    )
    t.equal(
      (
        await refusal(
          identities.createRecoveryCodeForIdentity({ createRecoveryCodeForIdentityBody: { identity_id: unknownId } }),
        )
      ).status,
      404,
    )
  })

  t.test('schemas are shown', async (t) => {
    t.match(await identities.listIdentitySchemas(), [{ id: 'default', schema: { title: 'Person' } }])
    t.match(await identities.getIdentitySchema({ id: 'default' }), { title: 'Person' })
  })

  t.test('mails and version', async (t) => {
    const email = freshEmail()
    await register(kratos.publicUrl, email)
    const courier = new CourierApi(configuration)
    const [message] = await courier.listCourierMessages({ recipient: email })
    t.match(message, {
      recipient: email,
      type: 'email',
      template_type: 'verification_code_valid',
      status: 'queued',
      created_at: Date,
    })
    t.equal((await courier.getCourierMessage({ id: message?.id ?? '' })).subject, message?.subject)
    t.same(await new MetadataApi(configuration).getVersion(), { version: kratos.version })
  })
}
