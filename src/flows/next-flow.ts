import type { Answer } from '../kratos-client/answer.js'
import { type Caller, cookiePairs, type FlowName, type FlowType, withCookies } from '../kratos-client/caller.js'
import type { KratosClient } from '../kratos-client/client.js'
import type { InitOptions } from '../kratos-client/flow-calls.js'
import { type Credential, isUsable as isUsableCredential } from '../kratos-client/credential.js'
import { sessionToken } from '../kratos-client/session-token.js'
import { type Next, type Outcome, wantsMissingFactor } from './outcome.js'

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

/**
 * A new flow of the type that suits best: Kratos offers security keys in browser flows only, so whoever has no other
 * second factor gets one of these.
 */
export async function initFittingFlow (
  kratos: KratosClient,
  flow: FlowName,
  options: InitOptions,
  caller: Caller,
): Promise<{ answer: Answer, type: FlowType }> {
  const { type } = options
  const answer = await kratos.initFlow(flow, options, caller)
  if (type === 'browser' || answer.kind !== 'ok' || !wantsMissingFactor(answer.body)) return { answer, type }
  const other = await kratos.initFlow(flow, { ...options, type: 'browser' }, caller)
  return other.kind === 'ok' && !wantsMissingFactor(other.body) ? { answer: other, type: 'browser' } : { answer, type }
}

async function start (
  kratos: KratosClient,
  flow: FlowName,
  options: InitOptions,
  caller: Caller,
): Promise<PreparedFlow> {
  const { answer } = await initFittingFlow(kratos, flow, options, caller)
  const id = answer.kind === 'ok' ? answer.body['id'] : undefined
  return { flowId: typeof id === 'string' ? id : undefined, setCookie: answer.setCookie }
}

/** Kratos replaces an API verification flow by a browser flow (docs/kratos-facts.md, section 8), of no use here. */
const isUsable = ({ flow, type }: Step): boolean => !(flow === 'verification' && type === 'api')

/** Somebody who is logged in logs in again; without a word of it Kratos would not start a login. */
const restartQuery = ({ flow, caller }: Step): InitOptions['query'] =>
  flow === 'login' && isUsableCredential(caller.credential) ? { refresh: 'true' } : {}

function restart (kratos: KratosClient, step: Step): Promise<PreparedFlow> | PreparedFlow {
  const { outcome, answer, flow, type, caller } = step
  if (outcome.flowId !== undefined && isUsable(step)) return { flowId: outcome.flowId, setCookie: [] }
  // Only where the flow is gone: a forged or refused request is not answered with a fresh start.
  const code = answer.kind === 'refused' ? answer.code : undefined
  if (code === 'FLOW_TYPE_MISMATCH') return start(kratos, flow, { type: 'browser', query: {} }, caller)
  const isGone = code === 'FLOW_EXPIRED' || code === 'FLOW_NOT_FOUND'
  return isGone ? start(kratos, flow, { type, query: restartQuery(step) }, caller) : NOTHING
}

const LOGIN_QUERY: Partial<Record<Next, InitOptions['query']>> = {
  step_up: { aal: 'aal2' },
  reauthenticate: { refresh: 'true' },
}

const prepareLogin = (
  kratos: KratosClient,
  query: InitOptions['query'],
  caller: Caller,
  type: FlowType,
): Promise<PreparedFlow> => start(kratos, 'login', { type: loginType(caller, type), query }, caller)

/** The login flow that a refusal outside of flows asks for, ready to be shown. */
export const prepareLoginFor = async (kratos: KratosClient, next: unknown, caller: Caller): Promise<PreparedFlow> => {
  const query = LOGIN_QUERY[next as Next]
  return query === undefined ? NOTHING : await prepareLogin(kratos, query, caller, 'api')
}

/** So that the client only has to show it. Where Kratos will not start one, the id is missing and the client does. */
export async function prepareNextFlow (kratos: KratosClient, step: Step): Promise<PreparedFlow> {
  const { outcome, type } = step
  const query = LOGIN_QUERY[outcome.next]
  if (query !== undefined) return await prepareLogin(kratos, query, callerAfter(step), type)
  switch (outcome.next) {
    case 'restart':
      return await restart(kratos, step)
    case 'verify':
    case 'settings':
      return { flowId: outcome.flowId, setCookie: [] }
    default:
      return NOTHING
  }
}
