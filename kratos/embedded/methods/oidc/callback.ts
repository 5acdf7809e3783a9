import { failedSubmit, forwardError } from '../../flow/answers.js'
import type { Flow } from '../../flow/flow.js'
import { flowExpired, isExpired, loadFlow } from '../../flow/lifecycle.js'
import { showIdentity } from '../../flow/owner.js'
import { completeSettings } from '../../flows/settings/completion.js'
import { sortSettings } from '../../flows/settings/opening.js'
import { redirect, type Answer } from '../../http/answer.js'
import { ApiError, badRequest } from '../../http/errors.js'
import { publicUrl, withQuery, type Exchange } from '../../http/exchange.js'
import { route, type Route } from '../../http/router.js'
import { completeMethod } from '../../session/activate.js'
import { findSession, noActiveSession } from '../../session/credentials.js'
import type { Session } from '../../session/session.js'
import { homeOf } from '../../session/token-exchange.js'
import { ensureEnabled } from '../method.js'
import { mapperClaims } from './claims.js'
import { providerById } from './config.js'
import { waitingFor, type Waiting } from './detour.js'
import { redeemCode } from './provider.js'
import { linkedIdentity } from './settings.js'
import { failedSignIn, signIn, signUp, type Visitor } from './sign-in.js'
import { openState, type State } from './state.js'

const refused = (why: string): ApiError => badRequest(`Unable to complete OpenID Connect flow${why}`)

/** A browser that returns from a provider, and its flow. */
interface Return {
  flow: Flow
  state: State
  waiting: Waiting
}

/** @throws ApiError 400 for a browser that this server did not send, 410 for an expired flow */
function returnOf (ex: Exchange): Return {
  const sent = ex.query.get('state') ?? ''
  if (sent === '') throw refused(' because the OpenID Provider did not return the state query parameter.')
  const state = openState(ex.kratos, sent)
  if (state === undefined) throw refused(' because the state parameter is invalid.')
  const { provider } = ex.params
  if (provider !== undefined && provider !== state.providerId) {
    throw refused(': provider mismatch between internal state and URL.')
  }
  const flow = loadFlow(ex.kratos, state.kind, state.flowId)
  if (isExpired(ex.kratos, flow)) throw flowExpired(ex.kratos, flow)
  const waiting = waitingFor(ex, flow, sent)
  if (waiting.state !== sent) {
    throw refused(' because the query state parameter does not match the state parameter from the session cookie.')
  }
  return { flow, state, waiting }
}

/** The provider's code. @throws ApiError 400, which the flow shows, when the provider reports an error */
function codeIn ({ query }: Exchange): string {
  const error = query.get('error') ?? ''
  const description = query.get('error_description') ?? ''
  if (error !== '') throw refused(` because the OpenID Provider returned error "${error}": ${description}`)
  const code = query.get('code') ?? ''
  if (code === '') throw refused(' because the OpenID Provider did not return the code query parameter.')
  return code
}

/**
 * The browser returns: finds the flow, redeems the code, then logs in, registers or links. Errors are shown in the form
 * of the flow.
 */
async function callback (ex: Exchange): Promise<Answer> {
  ensureEnabled(ex.kratos, 'oidc')
  let back: Return
  try {
    back = returnOf(ex)
  } catch (error) {
    if (error instanceof ApiError) return forwardError(ex, error)
    throw error
  }
  const { flow, state } = back
  try {
    const code = codeIn(ex)
    const session = findSession(ex)
    if (session !== undefined && flow.kind !== 'settings' && !flow.refresh) {
      return redirect(ex.method, 303, homeOf(ex, flow, session))
    }
    return await proceed(ex, back, await visitorOf(ex, back, code), session)
  } catch (error) {
    if (flow.kind !== 'settings') return failedSignIn(ex, flow, state.providerId, error)
    const schemaId = findSession(ex)?.identity.schemaId ?? ''
    return failedSubmit(ex, flow, error, { sort: (flow) => sortSettings(ex.kratos, flow, schemaId), htmlStatus: 303 })
  }
}

async function visitorOf ({ kratos }: Exchange, { state, waiting }: Return, code: string): Promise<Visitor> {
  const provider = providerById(kratos, state.providerId)
  const { claims, iss, tokens } = await redeemCode(kratos, provider, code, state.pkceVerifier)
  return { provider, claims: mapperClaims(claims, iss), tokens, traits: waiting.traits }
}

async function proceed (
  ex: Exchange,
  { flow, waiting }: Return,
  visitor: Visitor,
  session: Session | undefined,
): Promise<Answer> {
  Object.assign(flow, { active: 'oidc', transientPayload: waiting.transientPayload })
  if (flow.kind === 'settings') return await link(ex, flow, visitor, session)
  flow.identitySchema = waiting.identitySchema
  return flow.kind === 'login' ? await signIn(ex, flow, visitor) : await signUp(ex, flow, visitor)
}

/** Links the account to the logged-in identity. The session also gets the method; hooks do not see that yet. */
async function link (
  ex: Exchange,
  flow: Flow,
  { provider, claims, tokens }: Visitor,
  session: Session | undefined,
): Promise<Answer> {
  const { clock, store } = ex.kratos
  if (session === undefined || flow.identityId !== session.identityId) throw noActiveSession()
  const identity = linkedIdentity(ex, session, provider.id, String(claims['sub']), tokens)
  const passed = structuredClone(session)
  completeMethod(passed, { method: 'oidc', aal: 'aal1', provider: provider.id }, clock.now())
  store.sessions.save(passed, clock.now())
  showIdentity(ex.kratos, flow)
  return await completeSettings(ex, flow, { session, method: 'oidc', identity })
}

/** Some providers post a form. Browsers send cookies only with the GET of this redirect. */
function toGet (ex: Exchange): Answer {
  const isForm = (ex.headers.get('content-type') ?? '').startsWith('application/x-www-form-urlencoded')
  const form = new URLSearchParams(isForm && ex.body.kind === 'read' ? ex.body.bytes.toString() : '')
  // What the address says counts more.
  return redirect(ex.method, 302, withQuery(publicUrl(ex.kratos, ex.path), Object.fromEntries([...form, ...ex.query])))
}

/** Where providers send browsers back to. */
export const oidcRoutes: Route[] = [
  route('GET', '/self-service/methods/oidc/callback/{provider}', callback),
  route('GET', '/self-service/methods/oidc/callback', callback),
  route('POST', '/self-service/methods/oidc/callback/{provider}', toGet),
]
