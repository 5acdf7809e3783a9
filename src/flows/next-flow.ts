import type { Answer } from '../kratos-client/answer.js'
import { type Caller, cookiePairs, type FlowName, type FlowType, withCookies } from '../kratos-client/caller.js'
import type { KratosClient } from '../kratos-client/client.js'
import type { InitOptions } from '../kratos-client/flow-calls.js'
import type { Credential } from '../kratos-client/credential.js'
import { sessionToken } from '../kratos-client/session-token.js'
import type { Outcome } from './outcome.js'

export interface Step {
  flow: FlowName
  type: FlowType
  caller: Caller
  answer: Answer
  outcome: Outcome
  cookieName: string
}

/** What a client goes on with, and the cookies that came with its start. */
export interface PreparedFlow {
  flowId: string | undefined
  setCookie: string[]
}

const NOTHING: PreparedFlow = { flowId: undefined, setCookie: [] }

export function newCredential ({ answer, cookieName }: Pick<Step, 'answer' | 'cookieName'>): Credential | undefined {
  const token = answer.kind === 'ok' ? sessionToken(answer.body) : undefined
  if (token !== undefined) return { kind: 'token', value: token, from: 'cookie' }
  const sealed = cookiePairs(answer.setCookie).find((pair) => pair.startsWith(`${cookieName}=`))
    ?.slice(cookieName.length + 1)
  return sealed === undefined || sealed === '' ? undefined : { kind: 'cookie', value: sealed, from: 'cookie' }
}

/** Once it has taken the answer's cookies: a login that wants a second factor changes the session. */
function callerAfter (step: Step): Caller {
  const { caller, answer } = step
  return { ...withCookies(caller, answer.setCookie), credential: newCredential(step) ?? caller.credential }
}

/** A sealed cookie cannot use the other type. */
const loginType = ({ credential }: Caller, type: FlowType): FlowType =>
  credential.kind === 'cookie' ? 'browser' : credential.kind === 'token' ? 'api' : type

async function start (
  kratos: KratosClient,
  flow: FlowName,
  options: InitOptions,
  caller: Caller,
): Promise<PreparedFlow> {
  const answer = await kratos.initFlow(flow, options, caller)
  const id = answer.kind === 'ok' ? answer.body['id'] : undefined
  return { flowId: typeof id === 'string' ? id : undefined, setCookie: answer.setCookie }
}

/** Kratos replaces an API verification flow by a browser flow (docs/kratos-facts.md, section 8), of no use here. */
const isUsable = ({ flow, type }: Step): boolean => !(flow === 'verification' && type === 'api')

function restart (kratos: KratosClient, step: Step): Promise<PreparedFlow> | PreparedFlow {
  const { outcome, answer, flow, type, caller } = step
  if (outcome.flowId !== undefined && isUsable(step)) return { flowId: outcome.flowId, setCookie: [] }
  // Only where the flow is gone: a forged or refused request is not answered with a fresh start.
  const code = answer.kind === 'refused' ? answer.code : undefined
  if (code === 'FLOW_TYPE_MISMATCH') return start(kratos, flow, { type: 'browser', query: {} }, caller)
  const isGone = code === 'FLOW_EXPIRED' || code === 'FLOW_NOT_FOUND'
  return isGone ? start(kratos, flow, { type, query: {} }, caller) : NOTHING
}

/** So that the client only has to show it. Where Kratos will not start one, the id is missing and the client does. */
export async function prepareNextFlow (kratos: KratosClient, step: Step): Promise<PreparedFlow> {
  const { outcome, type } = step
  const login = (query: InitOptions['query']): Promise<PreparedFlow> => {
    const caller = callerAfter(step)
    return start(kratos, 'login', { type: loginType(caller, type), query }, caller)
  }
  switch (outcome.next) {
    case 'restart':
      return await restart(kratos, step)
    case 'step_up':
      return await login({ aal: 'aal2' })
    case 'reauthenticate':
      return await login({ refresh: 'true' })
    case 'verify':
    case 'settings':
      return { flowId: outcome.flowId, setCookie: [] }
    default:
      return NOTHING
  }
}
