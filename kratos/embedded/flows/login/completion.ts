import type { AfterConfig } from '../../config/types.js'
import { writeError } from '../../flow/answers.js'
import { flowJson, type Flow } from '../../flow/flow.js'
import { saveFlow, uiUrl } from '../../flow/lifecycle.js'
import { acceptLogin } from '../../flow/oauth2-login.js'
import { json, redirect, type Answer } from '../../http/answer.js'
import { csrfToken } from '../../http/csrf.js'
import { ApiError, browserLocationChangeRequired } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'
import { isJsonRequest } from '../../http/negotiation.js'
import { checkedReturnTo } from '../../http/return-to.js'
import { runHooks } from '../../hooks/registry.js'
import type { ProvenIdentity } from '../../methods/method.js'
import { ensureAal } from '../../session/aal.js'
import { activateSession, completeMethod } from '../../session/activate.js'
import { issueCookie } from '../../session/cookie.js'
import { sessionJson } from '../../session/json.js'
import { newSession, type Session } from '../../session/session.js'
import { backToApp } from '../../session/token-exchange.js'
import { fillTraits, upsertNode } from '../../ui/container.js'
import { csrfNode } from '../../ui/node.js'
import { linkWaitingAccount, waitingAccount } from './linking.js'
import { openLogin } from './opening.js'

/** Finishes a login: continues the session of the same identity or makes a new one, runs hooks, stores, answers. */
export async function completeLogin (
  ex: Exchange,
  flow: Flow,
  { identity, method }: ProvenIdentity,
  old: Session | undefined,
): Promise<Answer> {
  const { kratos } = ex
  const session = old !== undefined && old.identityId === identity.id ? old : newSession(identity)
  completeMethod(session, method, kratos.clock.now())
  session.identity = identity
  linkWaitingAccount(ex, flow, session)
  activateSession(ex, session, identity)
  const after = kratos.config.selfservice.flows.login.after
  const fallback = (after[flow.active] as AfterConfig | undefined)?.default_browser_return_url ??
    after.default_browser_return_url
  const returnTo = checkedReturnTo(ex, { returnTo: flow.returnTo, source: flow.requestUrl, fallback })
  if (flow.type === 'browser' && isJsonRequest(ex)) {
    flow.continueWith.push({ action: 'redirect_browser_to', redirect_browser_to: returnTo })
  }
  const answer = await withHooks(ex, flow, session)
  if (answer !== undefined) return answer
  kratos.store.sessions.save(session, kratos.clock.now())
  if (flow.type === 'browser') issueCookie(ex, session)
  return backToApp(ex, flow, session, method.method) ?? (await loggedIn(ex, flow, session, returnTo))
}

async function withHooks (ex: Exchange, flow: Flow, session: Session): Promise<Answer | undefined> {
  try {
    return await runHooks({ ex, flow, stage: 'post-persist', method: flow.active, identity: session.identity, session })
  } catch (error) {
    fillTraits(flow.ui, session.identity.traits)
    if (flow.type === 'browser') upsertNode(flow.ui, csrfNode(csrfToken(ex)))
    throw error
  }
}

/** URL of the second factor, if whoami would require one (recording 34). */
function secondFactorUrl ({ kratos }: Exchange, flow: Flow, session: Session): string | undefined {
  try {
    ensureAal(kratos, session, kratos.config.session.whoami.required_aal, flow.returnTo)
    return undefined
  } catch (error) {
    if (error instanceof ApiError) return String(error.fields.extra?.['redirect_browser_to'])
    throw error
  }
}

async function loggedIn (ex: Exchange, flow: Flow, session: Session, returnTo: string): Promise<Answer> {
  const next = secondFactorUrl(ex, flow, session)
  const continueWith = flow.continueWith.length === 0 ? null : flow.continueWith
  if (flow.type === 'api') {
    return json(200, {
      session_token: session.token,
      session: sessionJson(ex.kratos, session, { identity: next === undefined ? 'full' : 'none' }),
      continue_with: continueWith,
    })
  }
  if (next !== undefined && waitingAccount(flow) !== undefined) return await secondFactorFirst(ex, flow, session, next)
  if (next === undefined && flow.loginChallenge !== '') {
    const target = await acceptLogin(ex, flow.loginChallenge, session)
    return isJsonRequest(ex) ? writeError(ex, browserLocationChangeRequired(target)) : redirect(ex.method, 303, target)
  }
  if (!isJsonRequest(ex)) return redirect(ex.method, 303, next ?? flow.returnToVerification ?? returnTo)
  if (next !== undefined) return writeError(ex, browserLocationChangeRequired(next))
  return json(200, { session: sessionJson(ex.kratos, session), continue_with: continueWith })
}

/** Opens a flow for the second factor that keeps the account to link. @param url init URL of such a flow */
async function secondFactorFirst (ex: Exchange, { context }: Flow, session: Session, url: string): Promise<Answer> {
  const target = new URL(url)
  const flow = await openLogin(
    { ...ex, target: `${target.pathname}${target.search}`, path: target.pathname, query: target.searchParams },
    'browser',
    { session },
  )
  Object.assign(flow.context, context)
  saveFlow(ex.kratos, flow)
  return isJsonRequest(ex) ? json(200, flowJson(flow)) : redirect(ex.method, 303, uiUrl(ex.kratos, flow))
}
