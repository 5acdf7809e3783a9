import { uiUrl } from '../flow/lifecycle.js'
import type { ContinueWith, Flow } from '../flow/flow.js'
import { startVerification } from '../flows/verification/start.js'
import { renewCsrf } from '../http/csrf.js'
import { withQuery, type Exchange } from '../http/exchange.js'
import { isHtmlRequest } from '../http/negotiation.js'
import type { Identity, VerifiableAddress } from '../identity/identity.js'
import { asObject, type JsonObject } from '../json.js'
import type { Hook } from './hook.js'

/** Key under which the flow keeps the verification, for `show_verification_ui`. */
const CONTEXT_KEY = 'verification_flow'

/** Settings verify new addresses; registration and login verify all unverified ones. */
const isConcerned = (flow: Flow, { verified, status, value }: VerifiableAddress): boolean =>
  value !== '' && (flow.kind === 'settings' ? status === 'pending' : !verified)

/** Starts the verification of one address. @returns the continue_with item for the client */
export function beginVerification (
  ex: Exchange,
  flow: Flow,
  identity: Identity,
  address: VerifiableAddress,
  hasUrl: boolean,
): ContinueWith {
  const verification = startVerification(ex, flow, identity, address)
  const shown: JsonObject = {
    id: verification.id,
    verifiable_address: address.value,
    ...(hasUrl ? { url: uiUrl(ex.kratos, verification) } : {}),
  }
  return { action: 'show_verification_ui', flow: shown }
}

/**
 * `verification`: sends a message to the first unverified address and marks it as `sent`. Kratos runs this after each
 * registration and change of settings, even if it is not configured (recordings 05, 60).
 */
export const sendVerification: Hook = async ({ ex, flow, stage, identity }) => {
  if (stage !== 'post-persist' || identity === undefined || (flow.kind === 'login' && flow.requestedAal !== 'aal1')) {
    return undefined
  }
  const isLegacy = ex.kratos.config.feature_flags['legacy_continue_with_verification_ui'] === true
  const concerned = identity.verifiableAddresses.filter((address) => isConcerned(flow, address))
  for (const address of isLegacy ? concerned : concerned.slice(0, 1)) {
    if (flow.type === 'browser' && flow.kind !== 'settings') renewCsrf(ex)
    const next = beginVerification(ex, flow, identity, address, flow.type === 'browser')
    flow.context[CONTEXT_KEY] = next['flow'] ?? null
    if (isLegacy) flow.continueWith.push(next)
  }
  return undefined
}

/** `show_verification_ui`: points the client to the verification, if one was started (recording 05). */
export const showVerificationUi: Hook = async ({ ex, flow, stage }) => {
  const begun = asObject(flow.context[CONTEXT_KEY])
  if (stage !== 'post-persist' || begun['id'] === undefined) return undefined
  flow.continueWith.push({ action: 'show_verification_ui', flow: begun })
  if (flow.kind !== 'settings' && isHtmlRequest(ex)) {
    flow.returnToVerification = withQuery(ex.kratos.config.selfservice.flows.verification.ui_url, {
      flow: String(begun['id']),
    })
  }
  return undefined
}
