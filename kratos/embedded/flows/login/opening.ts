import type { Flow } from '../../flow/flow.js'
import { newFlow, saveFlow } from '../../flow/lifecycle.js'
import { identitySchemaOf } from '../../flow/start-parameters.js'
import { csrfToken } from '../../http/csrf.js'
import { ApiError, badRequest } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'
import { runHooks } from '../../hooks/registry.js'
import { enabledLoginMethods } from '../../methods/registry.js'
import type { LoginPage } from '../../methods/method.js'
import { findSession } from '../../session/credentials.js'
import type { Session } from '../../session/session.js'
import { offerExchange } from '../../session/token-exchange.js'
import { upsertNode } from '../../ui/container.js'
import { MESSAGES } from '../../ui/message.js'
import { csrfNode } from '../../ui/node.js'
import { sortNodes } from '../../ui/sort.js'
import { failedOpening } from './failed-opening.js'

export const alreadyLoggedIn = (): ApiError =>
  badRequest(
    'A valid session was detected and thus login is not possible. Did you forget to set `?refresh=true`?',
    { id: 'session_already_available', message: 'you are already logged in' },
  )

export const sessionRequiredForHigherAal = (): ApiError =>
  new ApiError({
    id: 'session_aal1_required',
    code: 401,
    message: 'aal2 and aal3 can only be requested if a session exists already',
    reason: 'You can not requested a higher AAL (AAL2/AAL3) without an active session.',
  })

const GROUPS = ['oidc', 'default', 'webauthn', 'passkey', 'code', 'password', 'totp', 'lookup_secret']

export const sortLogin = (flow: Flow): void =>
  sortNodes(flow.ui.nodes, { groups: GROUPS, keys: ['csrf_token', 'identifier', 'password'] })

const isTrue = (text: string | null): boolean => /^(1|t|true)$/i.test(text ?? '')

function requestedAal (ex: Exchange): 'aal1' | 'aal2' {
  const aal = (ex.query.get('aal') ?? '').toLowerCase() || 'aal1'
  if (aal === 'aal1' || aal === 'aal2') return aal
  throw badRequest(
    `Unable to parse AuthenticationMethod Assurance Level (AAL): expected one of [aal1, aal2] but got ${aal}`,
  )
}

/** Which form to show. @throws ApiError when a session of this level exists and `refresh` is not asked for */
function pageFor (ex: Exchange, flow: Flow, session: Session | undefined, isLinking: boolean): LoginPage {
  if (flow.requestedAal === 'aal2') {
    if (session === undefined) throw sessionRequiredForHigherAal()
    if (!flow.refresh && session.aal === 'aal2') throw alreadyLoggedIn()
    return { kind: 'second-factor', session }
  }
  if (session !== undefined && flow.refresh) return { kind: 'refresh', session }
  if (session !== undefined) throw alreadyLoggedIn()
  return {
    kind: ex.kratos.config.selfservice.flows.login.style === 'identifier_first' && !isLinking
      ? 'identifier'
      : 'first-factor',
  }
}

/** What another flow passes to a login. */
export interface Inheritance {
  /** The session, if the request does not have it yet. */
  session?: Session
  /** An account will be linked: the form is on one page. */
  isLinking?: boolean
}

/**
 * Opens and stores a login flow.
 * @throws ApiError when the caller is already logged in, or asks for a second factor without a first
 * (docs/kratos-facts.md, section 7)
 * @throws FailedOpening when a `before` hook fails
 */
export async function openLogin (ex: Exchange, type: 'api' | 'browser', inherited: Inheritance = {}): Promise<Flow> {
  const flow = { ...newFlow(ex, 'login', type), createdAt: 0, updatedAt: 0 }
  const session = inherited.session ?? findSession(ex)
  flow.requestedAal = requestedAal(ex)
  if (flow.requestedAal === 'aal1') flow.identitySchema = identitySchemaOf(ex)
  if (type === 'api' && session === undefined && isTrue(ex.query.get('return_session_token_exchange_code'))) {
    offerExchange(ex, flow)
  }
  flow.refresh = isTrue(ex.query.get('refresh')) && session !== undefined
  const page = pageFor(ex, flow, session, inherited.isLinking ?? false)
  if (flow.organizationId === '') {
    for (const method of enabledLoginMethods(ex.kratos)) method.populate(ex, flow, page)
  }
  if (flow.refresh) flow.ui.messages = [MESSAGES.confirmItIsYou()]
  if (page.kind === 'second-factor' && page.session.aal !== 'aal2') flow.ui.messages.push(MESSAGES.secondFactor())
  sortLogin(flow)
  if (type === 'browser') upsertNode(flow.ui, csrfNode(csrfToken(ex)))
  try {
    await runHooks({ ex, flow, stage: 'before', method: '' })
  } catch (error) {
    throw failedOpening(ex, flow, error, sortLogin)
  }
  flow.createdAt = ex.kratos.clock.now()
  saveFlow(ex.kratos, flow)
  if (page.kind === 'second-factor') {
    enabledLoginMethods(ex.kratos).find((method) => method.anticipate?.(ex, flow, page, ''))
  }
  return flow
}
