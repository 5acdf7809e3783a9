import type { Answer } from './answer.js'
import type { Caller, FlowName } from './caller.js'
import { createConfirm, type FailingCredentials } from './confirm.js'
import type { Credential } from './credential.js'
import { createFlowCalls, type ExchangeCodes, type InitOptions, type RedirectRule } from './flow-calls.js'
import type { JsonObject } from './kratos-body.js'
import { type Epoch, skewOf } from './kratos-time.js'
import type { PassThroughRequest } from './pass-through.js'
import { createPools, type PoolName, type PoolsOptions } from './pools.js'
import type { RequestScope } from './request-scope.js'
import { createSessionCalls } from './session-calls.js'
import type { IdentityOutcome, SessionOutcome } from './session-outcome.js'
import type { StreamedAnswer } from './streamed-call.js'
import type { Load } from './transport.js'
import type { UpstreamFailure } from './upstream-failure.js'
import { createWhoami } from './whoami.js'

export interface KratosClientOptions extends PoolsOptions {
  /** `session.cookie.name` of Kratos. */
  cookieName: string
  isAllowedRedirect: RedirectRule
  /** How many credentials without a session a client may have confirmed; default: any number. */
  failing?: FailingCredentials | undefined
  /** Told once when Kratos' clock and ours differ. @param aheadMs by how much ours is ahead */
  onSkew?: ((aheadMs: number) => void) | undefined
}

export interface KratosClient {
  /** Asks Kratos each time; `app.sessions` shares answers. */
  whoami: (credential: Credential, scope?: RequestScope) => Promise<SessionOutcome>
  /** By HEAD: Kratos says the identity's id in a header (recording 31), so nothing has to be read. */
  whoamiId: (credential: Credential, scope?: RequestScope) => Promise<IdentityOutcome>
  /** Whose session is about to end; `none` is not confirmed, so it proves nothing. */
  whoamiBeforeLogout: (credential: Credential, scope?: RequestScope) => Promise<SessionOutcome>
  /** With the sockets of logouts, and whatever a client's failing credentials came to. */
  whoamiAfterLogout: (credential: Credential, scope?: RequestScope) => Promise<SessionOutcome>
  initFlow: (flow: FlowName, options: InitOptions, caller: Caller) => Promise<Answer>
  /** @param pool whose sockets and deadline the call has; default: that of flows */
  fetchFlow: (flow: FlowName, id: string, caller: Caller, pool?: PoolName) => Promise<Answer>
  submitFlow: (flow: FlowName, id: string, body: JsonObject, caller: Caller) => Promise<Answer>
  /** The session of a social login that a native app began and its browser finished. */
  exchangeToken: (codes: ExchangeCodes, caller: Caller) => Promise<Answer>
  /** In `body.logout_token`. */
  initLogout: (credential: Credential, scope?: RequestScope) => Promise<Answer>
  /** Ends token sessions too, by Bearer: the one place where that header goes up (recording 41). */
  completeLogout: (token: string, credential: Credential, scope?: RequestScope) => Promise<Answer>
  /** In one step (recording 42). */
  revokeToken: (token: string, scope?: RequestScope) => Promise<Answer>
  /** Active ones, newest first, in `body.sessions`; the current one is not among them (recording 45). */
  listOtherSessions: (credential: Credential, scope?: RequestScope) => Promise<Answer>
  /** Kratos says 204 for any id that is not the current one (recording 45). */
  revokeSession: (id: string, credential: Credential, scope?: RequestScope) => Promise<Answer>
  revokeOtherSessions: (credential: Credential, scope?: RequestScope) => Promise<Answer>
  /** And with it all its sessions, by the admin port; one that is gone already counts as deleted. */
  deleteIdentity: (id: string, scope?: RequestScope) => Promise<Answer>
  /** By the admin port; `unknown` when Kratos does not say so. */
  hasIdentity: (id: string) => Promise<'present' | 'absent' | 'unknown'>
  /** By the admin port: whose identifier it is, in whatever letters; undefined when Kratos does not say one. */
  identityOf: (identifier: string, scope?: RequestScope) => Promise<string | undefined>
  isAllowedRedirect: RedirectRule
  /** For Kratos' SDK and forms. The path is checked, credential and headers are chosen here. */
  passThrough: (request: PassThroughRequest) => Promise<StreamedAnswer | UpstreamFailure>
  isReady: () => Promise<boolean>
  load: () => Record<PoolName, Load>
  close: () => Promise<void>
}

/** The difference lasts, and each answer would show it again. */
function watchClock (onSkew: (aheadMs: number) => void): (epoch: Epoch) => void {
  let isReported = false
  return (epoch) => {
    const aheadMs = isReported ? undefined : skewOf(epoch)
    if (aheadMs === undefined) return
    isReported = true
    onSkew(aheadMs)
  }
}

/** No method throws for what Kratos answers. */
export function createKratosClient (options: KratosClientOptions): KratosClient {
  const { cookieName, isAllowedRedirect, failing, deadlines, onSkew } = options
  const pools = createPools({ ...options, onEpoch: onSkew && watchClock(onSkew) })
  const limitMs = Math.max(...Object.values(deadlines))
  const confirm = createConfirm({ pool: pools.confirm, limitMs, cookieName, failing })
  const confirmEnd = createConfirm({ pool: pools.session, limitMs, cookieName })
  const calls = { pools, cookieName, isAllowedRedirect, confirm }

  async function isReady (): Promise<boolean> {
    const deadlineMs = pools.timeLeft('ready', undefined)
    const answer = await pools.ready.send({ method: 'GET', path: '/health/ready', deadlineMs })
    // Our own pool being full says nothing about Kratos.
    if (answer.kind === 'unavailable') return answer.code === 'OVERLOADED'
    return answer.status === 200
  }

  return {
    ...createWhoami({ ...calls, confirmEnd }),
    ...createFlowCalls(calls),
    ...createSessionCalls(calls),
    isAllowedRedirect,
    isReady,
    load: pools.load,
    close: pools.close,
  }
}
