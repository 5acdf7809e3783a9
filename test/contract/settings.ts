import type { Test } from 'tap'
import { type Contract, cookieNames } from './caller.js'
import { addSecondFactor, logIn, messageIds, openFlow, signUp, signUpInBrowser, submit, whoami } from './people.js'

/** Changes to an account by its owner (docs/kratos-facts.md, section 13). */
export function settings (t: Test, { ask }: Contract): void {
  t.test('a changed profile is shown, by the same flow as often as wanted', async (t) => {
    const { email, session } = await signUp(ask)
    const { id } = await openFlow(ask, 'settings', 'api', session)
    for (const name of ['Ada', 'Grace']) {
      const reply = await submit(
        ask,
        'settings',
        id,
        { method: 'profile', traits: { email, first_name: name } },
        session,
      )
      t.match([reply.status, reply.body.state, messageIds(reply).includes(1050001)], [200, 'success', true])
      t.equal((await whoami(ask, session)).body.identity.traits.first_name, name)
    }
  })

  t.test('a changed password is the new one at once, and other sessions stay', async (t) => {
    const { email, session } = await signUp(ask)
    const other = { 'x-session-token': (await logIn(ask, email)).body.session_token }
    const { id } = await openFlow(ask, 'settings', 'api', session)
    t.equal(
      (await submit(ask, 'settings', id, { method: 'password', password: 'Another-9-lantern' }, session)).body.state,
      'success',
    )
    t.same([(await logIn(ask, email)).status, (await logIn(ask, email, 'Another-9-lantern')).status], [400, 200])
    t.equal((await whoami(ask, other)).status, 200)
  })

  t.test('a browser gets a fresh session cookie with its change', async (t) => {
    const { email, session } = await signUpInBrowser(ask)
    const { id, csrfToken, cookie } = await openFlow(ask, 'settings', 'browser', session)
    const headers = { cookie: `${session['cookie']}; ${cookie}` }
    const reply = await submit(ask, 'settings', id, {
      method: 'profile',
      traits: { email, last_name: 'Lovelace' },
      csrf_token: csrfToken,
    }, headers)
    t.match([reply.status, reply.body.state], [200, 'success'])
    t.ok(cookieNames(reply).includes('ory_kratos_session'))
    t.match(reply.body.continue_with, [{ action: 'redirect_browser_to' }])
  })

  t.test('a new authenticator app lifts the session to aal2, a wrong code does not', async (t) => {
    const person = await signUp(ask)
    const { id } = await openFlow(ask, 'settings', 'api', person.session)
    t.equal((await submit(ask, 'settings', id, { method: 'totp', totp_code: '000000' }, person.session)).status, 400)
    t.equal((await whoami(ask, person.session)).body.authenticator_assurance_level, 'aal1')
    const { backupCodes } = await addSecondFactor(ask, person)
    t.equal((await whoami(ask, person.session)).body.authenticator_assurance_level, 'aal2')
    t.ok(backupCodes.length === 12 && backupCodes.every((code) => /^[a-z0-9]{8}$/.test(code)))
  })

  t.test('a flow belongs to its owner: 401 without a session, 403 for somebody else', async (t) => {
    const [owner, stranger] = [await signUp(ask), await signUp(ask)]
    const { id } = await openFlow(ask, 'settings', 'api', owner.session)
    for (
      const [headers, status, error] of [[{}, 401, undefined], [
        stranger.session,
        403,
        'security_identity_mismatch',
      ]] as const
    ) {
      const fetched = await ask('GET', `/self-service/settings/flows?id=${id}`, { headers })
      const sent = await submit(ask, 'settings', id, { method: 'profile', traits: { email: owner.email } }, headers)
      for (const reply of [fetched, sent]) t.match([reply.status, reply.body.error.id], [status, error])
    }
  })
}
