import type { Test } from 'tap'
import { answersAreDescribed, type Exchanged } from '../embedded/schema/described.js'
import { isRealTarget, startTarget } from '../support/target.js'
import { type Contract, createCaller } from './caller.js'
import { accounts } from './accounts.js'
import { credentials } from './credentials.js'
import { expiry } from './expiry.js'
import { flows } from './flows.js'
import { hooks } from './hooks.js'
import { logout } from './logout.js'
import { recovery } from './recovery.js'
import { sessions } from './sessions.js'
import { settings } from './settings.js'

/**
 * What this service relies on of a Kratos with `kratos/kratos.yml`, each behaviour once. Against the embedded server in
 * `npm test`; `npm run test:contract` also runs it against a real one.
 */
export default async function (t: Test): Promise<void> {
  t.test('contract with Kratos', async (t) => {
    const exchanges: Exchanged[] = []
    const kratos = await startTarget(t)
    const contract: Contract = { kratos, ask: createCaller(kratos, exchanges), exchanges }
    t.comment(`${isRealTarget ? 'a real' : 'the embedded'} Kratos at ${kratos.publicUrl}, version ${kratos.version}`)
    for (const part of [credentials, flows, accounts, logout, sessions, settings, recovery, expiry, hooks]) {
      t.test(part.name, async (t) => {
        part(t, contract)
      })
    }
    answersAreDescribed(t, exchanges)
  })
}
