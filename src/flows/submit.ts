import type { Answer } from '../kratos-client/answer.js'
import { type Caller, type FlowName, type FlowType, withCookies } from '../kratos-client/caller.js'
import type { KratosClient } from '../kratos-client/client.js'
import { submitType, usesProvider } from '../kratos-client/flow-calls.js'
import { errorMessageIds, hasNodesOf, isFlow, isRecord, type JsonObject } from '../kratos-client/kratos-body.js'

export interface Submitted {
  answer: Answer
  type: FlowType
  /** Cookies that came while the flow was looked at, before those of the answer. */
  setCookie: string[]
}

export interface Submit {
  flow: FlowName
  id: string
  body: JsonObject
  caller: Caller
  /** For a native client, which also finishes a social login by itself. */
  keepToken: boolean
}

const isCsrfCookie = (pair: string): boolean => pair.startsWith('csrf_token_')

/** Only then the type of the flow has to be found out. */
const mayHoldBrowserFlow = ({ credential, flowCookies }: Caller): boolean =>
  credential.kind === 'cookie' || flowCookies.some(isCsrfCookie)

function csrfToken (flow: JsonObject): string | undefined {
  const nodes = isRecord(flow['ui']) && Array.isArray(flow['ui']['nodes']) ? flow['ui']['nodes'].filter(isRecord) : []
  const attributes = nodes.map((node) => node['attributes']).filter(isRecord)
  const value = attributes.find(({ name }) => name === 'csrf_token')?.['value']
  return typeof value === 'string' ? value : undefined
}

/** Leads a browser to a provider and back; an `id_token` needs neither. */
const leavesForProvider = (body: JsonObject): boolean => usesProvider(body) && body['id_token'] === undefined

/** A provider sends the browser back to an API flow's end, where a page would show the session token. */
const MISMATCH: Answer = {
  kind: 'refused',
  code: 'FLOW_TYPE_MISMATCH',
  text: 'This method needs a flow of type browser',
  members: {},
  setCookie: [],
}

const poolOf = (flow: FlowName): 'settings' | 'submit' => flow === 'settings' ? 'settings' : 'submit'

/**
 * The client need not know which type its flow has: where it may hold a browser flow and sends no CSRF token, the flow
 * is fetched once and its own token used (docs/decisions/0019). Others cost one call.
 */
async function submitAsType (kratos: KratosClient, submit: Submit): Promise<Submitted> {
  const { flow, id, caller, keepToken } = submit
  const asked = submitType(submit.body)
  if (asked === 'browser' || !mayHoldBrowserFlow(caller)) {
    if (asked === 'api' && !keepToken && leavesForProvider(submit.body)) {
      return { answer: MISMATCH, type: 'api', setCookie: [] }
    }
    return { answer: await kratos.submitFlow(flow, id, submit.body, caller), type: asked, setCookie: [] }
  }
  const fetched = await kratos.fetchFlow(flow, id, caller, poolOf(flow))
  if (fetched.kind !== 'ok') return { answer: fetched, type: 'browser', setCookie: [] }
  const token = fetched.body['type'] === 'browser' ? csrfToken(fetched.body) : undefined
  if (token === undefined) {
    const answer = !keepToken && leavesForProvider(submit.body)
      ? MISMATCH
      : await kratos.submitFlow(flow, id, submit.body, caller)
    return { answer, type: 'api', setCookie: [] }
  }
  const { setCookie } = fetched
  const body = { ...submit.body, csrf_token: token }
  return { answer: await kratos.submitFlow(flow, id, body, withCookies(caller, setCookie)), type: 'browser', setCookie }
}

/** Kratos' "no strategy": nothing was chosen, or what was chosen is on for another purpose only, as a code may be. */
const NO_STRATEGY = new Set([4010002, 4010003, 4010004, 4010005, 4010006])

/** Where sign-ups by code are off, Kratos says that one was sent, in a form that takes none (tried on v26.2.0). */
const pretendsToSend = ({ state, ui }: JsonObject): boolean =>
  state === 'sent_email' && isRecord(ui) && ui['messages'] === undefined

/** Kratos goes on with the form where what was chosen is not to be had in this flow. */
function asNotOffered (answer: Answer, { method }: JsonObject): Answer {
  if (answer.kind === 'unavailable' || typeof method !== 'string' || method === '') return answer
  const { setCookie } = answer
  const flow = answer.kind === 'ok' ? answer.body : answer.members
  const isMissing = answer.kind === 'ok'
    ? answer.next === 'form' && pretendsToSend(flow)
    : NO_STRATEGY.has(errorMessageIds(flow)[0] ?? 0)
  if (!isMissing || hasNodesOf(flow, method)) return answer
  const { id, ui, state } = flow
  return { kind: 'refused', code: 'METHOD_NOT_OFFERED', members: { id, ui, state }, setCookie }
}

/** Kratos says what it does not offer mostly without the form, which a page needs to show what it does offer. */
async function withForm (kratos: KratosClient, submit: Submit, submitted: Submitted): Promise<Submitted> {
  const { flow, id, caller } = submit
  const answer = asNotOffered(submitted.answer, submit.body)
  if (answer.kind !== 'refused' || answer.code !== 'METHOD_NOT_OFFERED') return submitted
  if (isFlow(answer.members)) return { ...submitted, answer }
  const fetched = await kratos.fetchFlow(flow, id, withCookies(caller, submitted.setCookie), poolOf(flow))
  if (fetched.kind !== 'ok') return submitted
  const { id: flowId, ui, state } = fetched.body
  return {
    ...submitted,
    answer: { ...answer, members: { ...answer.members, id: flowId, ui, state } },
    setCookie: [...submitted.setCookie, ...fetched.setCookie],
  }
}

export const submitStep = async (kratos: KratosClient, submit: Submit): Promise<Submitted> =>
  await withForm(kratos, submit, await submitAsType(kratos, submit))
