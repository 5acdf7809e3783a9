import { upsertNode, fillTraits } from '../../ui/container.js'
import { csrfNode } from '../../ui/node.js'
import type { Flow } from '../../flow/flow.js'
import { acceptLogin } from '../../flow/oauth2-login.js'
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
import { activateSession, completeMethod } from '../../session/activate.js'
import { sessionJson } from '../../session/json.js'
import { newSession, type Session } from '../../session/session.js'
import { backToApp } from '../../session/token-exchange.js'
import type { AfterConfig } from '../../config/types.js'

/**
 * Finishes a registration: hooks that can object, check, storage, session, the other hooks, answer. Once stored, the
 * identity stays, whatever later hooks say (docs/kratos-facts.md, section 17).
 * @param provider of a social sign-up
 * @throws DuplicateError for an identifier that is already used
 */
export async function completeRegistration (
  ex: Exchange,
  flow: Flow,
  identity: Identity,
  method: string,
  provider?: string,
): Promise<Answer> {
  const { kratos } = ex
  const objection = await withHooks(ex, flow, identity, method, 'pre-persist')
  if (objection !== undefined) return objection
  validateIdentity(identity, kratos.schemas.get(identity.schemaId), kratos.clock.now())
  kratos.store.identities.create(identity, kratos.clock.now())
  const after = kratos.config.selfservice.flows.registration.after
  const fallback = (after[method] as AfterConfig | undefined)?.default_browser_return_url ??
    after.default_browser_return_url
  const returnTo = checkedReturnTo(ex, { returnTo: flow.returnTo, source: flow.requestUrl, fallback })
  if (flow.type === 'browser' && isJsonRequest(ex)) {
    flow.continueWith.push({ action: 'redirect_browser_to', redirect_browser_to: returnTo })
  }
  const session = newSession(identity)
  completeMethod(session, { method, aal: 'aal1', ...(provider === undefined ? {} : { provider }) }, kratos.clock.now())
  activateSession(ex, session, identity)
  kratos.store.sessions.save(session, kratos.clock.now())
  const answer = await withHooks(ex, flow, identity, method, 'post-persist', session)
  return answer ?? backToApp(ex, flow, session, method) ??
    registered(ex, flow, session, await finalUrl(ex, flow, session, returnTo))
}

/** Runs hooks. If one objects, the form keeps the submitted values. */
async function withHooks (
  ex: Exchange,
  flow: Flow,
  identity: Identity,
  method: string,
  stage: HookStage,
  session?: Session,
): Promise<Answer | undefined> {
  try {
    return await runHooks({ ex, flow, stage, method, identity, ...(session === undefined ? {} : { session }) })
  } catch (error) {
    fillTraits(flow.ui, identity.traits)
    if (flow.type === 'browser') upsertNode(flow.ui, csrfNode(csrfToken(ex)))
    throw error
  }
}

/** An OAuth2 login is accepted, unless its verification comes first. */
async function finalUrl (ex: Exchange, flow: Flow, session: Session, returnTo: string): Promise<string> {
  const isOAuth2 = flow.type === 'browser' && flow.loginChallenge !== '' && !isJsonRequest(ex)
  if (!isOAuth2 || flow.returnToVerification !== undefined) return returnTo
  return await acceptLogin(ex, flow.loginChallenge, session)
}

/** The answer if no hook gave one: without a session hook, and for HTML forms (recordings 04, 22). */
function registered (ex: Exchange, flow: Flow, session: Session, returnTo: string): Answer {
  const { kratos } = ex
  if (flow.type === 'api' || isJsonRequest(ex)) {
    return json(200, {
      identity: identityJson(kratos, session.identity),
      continue_with: flow.continueWith.length === 0 ? null : flow.continueWith,
    })
  }
  return acceptsJson(ex)
    ? json(200, sessionJson(kratos, session))
    : redirect(ex.method, 303, flow.returnToVerification ?? returnTo)
}
