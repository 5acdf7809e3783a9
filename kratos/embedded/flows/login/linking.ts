import type { Flow } from '../../flow/flow.js'
import type { Exchange } from '../../http/exchange.js'
import { formError } from '../../identity/validation.js'
import { isObject } from '../../json.js'
import { linkedAccounts, oidcCredential, type LinkedAccount } from '../../methods/oidc/credential.js'
import { isSatisfied } from '../../session/aal.js'
import { completeMethod } from '../../session/activate.js'
import { aalOf, type Session } from '../../session/session.js'
import { MESSAGES } from '../../ui/message.js'

const KEY = 'registration_duplicate_credentials'

/** An account at a provider whose identifier an identity here already has. It is linked when that identity logs in. */
export interface WaitingAccount {
  account: LinkedAccount
  identifier: string
}

export function rememberAccount (flow: Flow, { account, identifier }: WaitingAccount): void {
  flow.context[KEY] = { account, identifier }
}

export function waitingAccount (flow: Flow): WaitingAccount | undefined {
  const kept = flow.context[KEY]
  return isObject(kept) ? kept as unknown as WaitingAccount : undefined
}

/**
 * Links the waiting account to the identity that logs in with this flow, if no second factor is missing (recording 68).
 * @throws FormError 4010009 for another identity
 */
export function linkWaitingAccount ({ kratos }: Exchange, flow: Flow, session: Session): void {
  const waiting = waitingAccount(flow)
  const { identity } = session
  if (
    waiting === undefined ||
    !isSatisfied(kratos, { ...session, aal: aalOf(session.methods) }, kratos.config.session.whoami.required_aal)
  ) {
    return
  }
  const isOwn = Object.values(identity.credentials).some(({ identifiers }) => identifiers.includes(waiting.identifier))
  if (!isOwn) throw formError(MESSAGES.linkedCredentialsDiffer())
  const now = kratos.clock.now()
  const old = identity.credentials['oidc']
  identity.credentials['oidc'] = oidcCredential([...linkedAccounts(old), waiting.account], now, old)
  kratos.store.identities.update(identity, now)
  completeMethod(session, { method: 'oidc', aal: 'aal1', provider: waiting.account.provider }, now)
}
