import type { Flow } from '../../flow/flow.js'
import type { Exchange } from '../../http/exchange.js'
import type { Identity } from '../../identity/identity.js'
import type { Kratos } from '../../kratos.js'
import type { Session } from '../../session/session.js'
import { usableFactors } from '../factors.js'
import { isEnabled, type LoginMethod } from '../method.js'
import { ownerOf, secondFactorAddresses } from './addresses.js'
import { sendLoginCode } from './login-code.js'
import { isPasswordless, isSecondFactor } from './role.js'

/** If there is only one possibility, the code is sent before the user asks for it (recording 67). */
export const anticipate: NonNullable<LoginMethod['anticipate']> = (ex, flow, page, identifier) => {
  if (flow.state !== 'choose_method') return false
  if (page.kind === 'second-factor' && isSecondFactor(ex.kratos)) {
    const addresses = secondFactorAddresses(ex.kratos, page.session, ex.query.get('via') ?? '')
    const [only] = addresses
    return (
      only !== undefined &&
      addresses.length === 1 &&
      !hasOther(ex.kratos, page.session.identity, 'aal2') &&
      send(ex, flow, only.to, page.session)
    )
  }
  if (page.kind !== 'credentials' || !isPasswordless(ex.kratos)) return false
  const { identity } = ownerOf(ex.kratos, identifier)
  return (
    !ex.kratos.config.security.account_enumeration.mitigate &&
    !hasOther(ex.kratos, identity, 'aal1') &&
    send(ex, flow, identifier)
  )
}

function send (ex: Exchange, flow: Flow, identifier: string, session?: Session): boolean {
  sendLoginCode(ex, flow, identifier, ownerOf(ex.kratos, identifier, session))
  return true
}

/** Whether the identity can use another method of this level. */
const hasOther = (kratos: Kratos, identity: Identity, aal: 'aal1' | 'aal2'): boolean =>
  usableFactors(kratos, identity).some(
    (factor) => factor.method !== 'code' && factor.aal === aal && isEnabled(kratos, factor.method),
  )
