import type { AfterConfig } from '../../config/types.js'
import { flowJson, type Flow } from '../../flow/flow.js'
import { saveFlow, uiUrl } from '../../flow/lifecycle.js'
import { showIdentity } from '../../flow/owner.js'
import { json, redirect, type Answer } from '../../http/answer.js'
import { csrfToken } from '../../http/csrf.js'
import type { Exchange } from '../../http/exchange.js'
import { acceptsJson, isJsonRequest } from '../../http/negotiation.js'
import { checkedReturnTo } from '../../http/return-to.js'
import type { HookStage } from '../../hooks/hook.js'
import { runHooks } from '../../hooks/registry.js'
import { validateIdentity } from '../../identity/extensions.js'
import type { Identity } from '../../identity/identity.js'
import { identityJson } from '../../identity/json.js'
import { formError } from '../../identity/validation.js'
import { issueCookie } from '../../session/cookie.js'
import type { Session } from '../../session/session.js'
import { DuplicateError } from '../../store/identities.js'
import { fillTraits, upsertNode } from '../../ui/container.js'
import { MESSAGES } from '../../ui/message.js'
import { csrfNode } from '../../ui/node.js'
import { openSettings } from './opening.js'
import { ensureAllowed } from './privilege.js'

/** A change: who makes it, by which method, and the changed identity. */
export interface Change {
  session: Session
  method: string
  identity: Identity
}

/**
 * Finishes a change: hooks that can object, check, storage, a fresh form in the same flow, the other hooks, answer.
 * Once stored, the change stays, whatever later hooks say (docs/kratos-facts.md, section 17).
 */
export async function completeSettings (ex: Exchange, flow: Flow, change: Change): Promise<Answer> {
  const { kratos } = ex
  const after = kratos.config.selfservice.flows.settings.after
  const own = after[change.method] as AfterConfig | undefined
  const fallback = own?.default_browser_return_url ?? after.default_browser_return_url ?? uiUrl(kratos, flow)
  const returnTo = checkedReturnTo(ex, { source: flow.requestUrl, fallback })
  const objection = await withHooks(ex, flow, change, 'pre-persist')
  if (objection !== undefined) return objection
  store(ex, change)
  await renewForm(ex, flow, change)
  const answer = await withHooks(ex, flow, change, 'post-persist')
  return answer ?? saved(ex, flow, change, returnTo)
}

/** Runs hooks. If one objects, the form keeps the submitted values. */
async function withHooks (
  ex: Exchange,
  flow: Flow,
  { session, method, identity }: Change,
  stage: HookStage,
): Promise<Answer | undefined> {
  try {
    return await runHooks({ ex, flow, stage, method, identity, session })
  } catch (error) {
    fillTraits(flow.ui, identity.traits)
    if (flow.type === 'browser') upsertNode(flow.ui, csrfNode(csrfToken(ex)))
    throw error
  }
}

/** @throws FormError for traits that are invalid or already used; ApiError 403 when the login is too old */
function store (ex: Exchange, { session, identity }: Change): void {
  const { clock, schemas, store } = ex.kratos
  validateIdentity(identity, schemas.get(identity.schemaId), clock.now())
  ensureAllowed(ex, session, identity)
  try {
    store.identities.update(identity, clock.now())
    if (identity.lost !== undefined) identity.lost = ['state_changed_at']
  } catch (error) {
    throw error instanceof DuplicateError ? formError(MESSAGES.identifierExists()) : error
  }
}

/** The flow gets the form of a new flow, including its action (recording 50). */
async function renewForm (ex: Exchange, flow: Flow, { session, identity }: Change): Promise<void> {
  const { ui, context } = await openSettings(ex, identity, session, flow.type)
  Object.assign(flow, { state: 'success', ui, context })
  flow.ui.messages = [MESSAGES.settingsSaved()]
  saveFlow(ex.kratos, flow)
}

function saved (ex: Exchange, flow: Flow, { session, identity }: Change, returnTo: string): Answer {
  showIdentity(ex.kratos, flow)
  delete flow.transientPayload
  if (flow.type === 'api') return json(200, flowJson(flow))
  issueCookie(ex, session)
  if (!isJsonRequest(ex)) {
    return acceptsJson(ex) ? json(200, identityJson(ex.kratos, identity)) : redirect(ex.method, 303, returnTo)
  }
  flow.continueWith.push({ action: 'redirect_browser_to', redirect_browser_to: returnTo })
  return json(200, flowJson(flow))
}
