import type { Flow } from '../flow/flow.js'
import { acceptLogin } from '../flow/oauth2-login.js'
import { json } from '../http/answer.js'
import type { Exchange } from '../http/exchange.js'
import { isJsonRequest } from '../http/negotiation.js'
import { identityJson } from '../identity/json.js'
import { issueCookie } from '../session/cookie.js'
import { backToApp } from '../session/token-exchange.js'
import { sessionJson } from '../session/json.js'
import type { Session } from '../session/session.js'
import type { Hook } from './hook.js'

/** `session`: logs in a new identity (recordings 02, 20, 22). It has no effect in other flows. */
export const session: Hook = async ({ ex, flow, stage, method, session }) => {
  if (stage !== 'post-persist' || flow.kind !== 'registration' || session === undefined) return undefined
  const { kratos } = ex
  // More hooks may follow before a native app gets its session.
  if (backToApp(ex, flow, session, method) !== undefined) return undefined
  const shown = { session: sessionJson(kratos, session), identity: identityJson(kratos, session.identity) }
  if (flow.type === 'api') {
    flow.continueWith.push({ action: 'set_ory_session_token', ory_session_token: session.token })
    return json(200, { session_token: session.token, ...shown, continue_with: flow.continueWith })
  }
  issueCookie(ex, session)
  if (isJsonRequest(ex)) await acceptOAuth2Login(ex, flow, session)
  return isJsonRequest(ex)
    ? json(200, { ...shown, continue_with: flow.continueWith.length === 0 ? null : flow.continueWith })
    : undefined
}

/** The page continues at the OAuth2 provider, unless a verification comes first. */
async function acceptOAuth2Login (ex: Exchange, flow: Flow, session: Session): Promise<void> {
  const isVerifiedFirst = flow.continueWith.some(({ action }) => action === 'show_verification_ui')
  if (flow.loginChallenge === '' || isVerifiedFirst) return
  const target = await acceptLogin(ex, flow.loginChallenge, session)
  flow.continueWith = [
    ...flow.continueWith.filter(({ action }) => action !== 'redirect_browser_to'),
    { action: 'redirect_browser_to', redirect_browser_to: target },
  ]
}
