/**
 * Intents instead of endpoints, one union of outcomes, nothing stored, nothing thrown for an answer that can be
 * expected. For browsers, workers, Node and native apps; it needs `fetch` and nothing else.
 */

import { accountIntents } from './account.js'
import { type Body, secondFactorBody, toAddress } from './bodies.js'
import { CODE_EXPIRED } from './complaints.js'
import { formOf } from './form.js'
import { contentOf, isRecord, NO_REPLY, retryAfter, text } from './reply.js'
import type { ClientOptions, FlowName, InFlow, Options, Outcome, Reply, SecondFactor, SessionState } from './types.js'

export type * from './types.js'

type Json = Record<string, unknown>

const goingOn = (data: Json) => ({ flowId: text(data['flow_id']), start: text(data['start']) })

const OUTCOME_OF_NEXT: Record<string, (data: Json, flow: FlowName) => Outcome> = {
  done: () => ({ kind: 'done' }),
  form: (data, flow) => ({ kind: 'form', form: formOf(flow, data) }),
  step_up: (data) => ({ kind: 'second_factor', ...goingOn(data) }),
  verify: (data) => ({ kind: 'confirm_address', ...goingOn(data), isLoggedIn: isRecord(data['session']) }),
  settings: (data) => ({ kind: 'settings', ...goingOn(data) }),
  reauthenticate: (data) => ({ kind: 'log_in_again', ...goingOn(data) }),
  redirect: (data) => ({ kind: 'redirect', url: String(data['redirect_browser_to']) }),
  already_logged_in: () => ({ kind: 'already_logged_in' }),
}

/** Decides nothing about the caller. */
const isOutage = ({ status }: Reply): boolean => status === 429 || status >= 500 || status === 0

/** A path of the service as this client calls it, whatever proxies are between the two. */
const ownPath = (start: string): string => start.slice(start.lastIndexOf('/flows/'))
const flowIn = (path: string): FlowName => /\/flows\/(\w+)/.exec(path)?.[1] as FlowName

/** Only in such a flow does every Kratos log in whom it has let recover (docs/kratos-facts.md, section 14). */
const RECOVERY = '?type=browser'

/** No form is further away: settings, which want a login, which wants its second factor. */
const MAX_STEPS = 4

/** A flow that is gone is replaced; when the new one is gone too, something else is wrong. */
const MAX_RESTARTS = 1

/** @template Traits the product's @returns functions that reject only when their `signal` was aborted */
export function createClient<Traits = Record<string, unknown>> (options: ClientOptions = {}) {
  const { prefix = '/api/auth', fetch: send = fetch } = options
  const baseUrl = (options.baseUrl ?? '').replace(/\/$/, '')

  async function call (method: string, path: string, body?: Json, options?: Options, base = prefix): Promise<Reply> {
    const signal = options?.signal
    try {
      const answer = await send(`${baseUrl}${base}${path}`, {
        method,
        credentials: 'include',
        headers: { accept: 'application/json', ...(body !== undefined && { 'content-type': 'application/json' }) },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        ...(signal !== undefined && { signal }),
      })
      const content = contentOf(await answer.text(), answer.headers.get('content-type') ?? '')
      const status = content === undefined ? 0 : answer.status
      return { status, body: isRecord(content) ? content : {}, content, retryAfterSeconds: retryAfter(answer.headers) }
    } catch (error) {
      if (signal?.aborted === true) throw error
      return NO_REPLY
    }
  }

  /** Only what changes nothing is sent once more, and only once. */
  async function read (path: string, options?: Options, base?: string): Promise<Reply> {
    const first = await call('GET', path, undefined, options, base)
    return first.status === 0 ? await call('GET', path, undefined, options, base) : first
  }

  const dataOf = ({ body }: Reply): Json => isRecord(body['data']) ? body['data'] : body

  function outcomeOf (reply: Reply, flow: FlowName): Outcome {
    const data = dataOf(reply)
    const known = OUTCOME_OF_NEXT[String(data['next'])]
    const { retryAfterSeconds, status } = reply
    const isThrottled = status === 429
    if (isOutage(reply) || known === undefined) return { kind: 'unavailable', retryAfterSeconds, isThrottled }
    return known(data, flow)
  }

  /** Asks for a flow, or for another one where the service names it. */
  async function begin (path: string, options?: Options, restarts = 0): Promise<Outcome> {
    const reply = await read(path, options)
    const { next, start } = dataOf(reply)
    if (next !== 'restart' || typeof start !== 'string' || restarts >= MAX_RESTARTS) return outcomeOf(reply, flowIn(path))
    return await begin(ownPath(start), options, restarts + 1)
  }

  /** In a new flow if none is named or the named one is gone. */
  async function submit (
    flow: FlowName,
    body: Body,
    { flowId, query = '', ...options }: InFlow & { query?: string } = {},
    restarts = 0,
  ): Promise<Outcome> {
    let step: { id: string | undefined, body: Json }
    if (flowId === undefined || typeof body === 'function') {
      const path = flowId === undefined ? `${flow}${query}` : `${flow}/${encodeURIComponent(flowId)}`
      const outcome = await begin(`/flows/${path}`, options)
      // Where another form comes first, the page shows that one.
      if (outcome.kind !== 'form' || outcome.form.flow !== flow) return outcome
      step = { id: outcome.form.flowId, body: typeof body === 'function' ? body(outcome.form) : body }
    } else step = { id: flowId, body }
    const reply = await call('POST', `/flows/${flow}`, { flow_id: step.id, ...step.body }, options)
    const data = dataOf(reply)
    if (data['next'] !== 'restart') return outcomeOf(reply, flow)
    if (restarts >= MAX_RESTARTS) return { kind: 'unavailable', retryAfterSeconds: undefined, isThrottled: false }
    const { flowId: ready, start = `/flows/${flow}${query}` } = goingOn(data)
    if (ready === undefined && flowIn(start) !== flow) return await begin(ownPath(start), options)
    if ('code' in step.body) {
      const fresh = await begin(ready === undefined ? ownPath(start) : `/flows/${flow}/${ready}`, options)
      return fresh.kind === 'form' ? { kind: 'form', form: { ...fresh.form, errors: [CODE_EXPIRED] } } : fresh
    }
    const again = { ...options, flowId: ready, query: start.replace(/^[^?]*/, '') }
    return await submit(flow, body, again, restarts + 1)
  }

  return {
    ...accountIntents<Traits>({ call, read, begin, submit, outcomeOf, dataOf, prefix }),

    /**
     * The form of a flow, to be shown before anything was entered: a new one, or the one of `flowId` with its errors.
     * `isAgain`: of a login that proves once more who is logged in.
     */
    form: async (flow: FlowName, options: InFlow & { query?: string, isAgain?: boolean } = {}): Promise<Outcome> => {
      const { flowId, isAgain = false, query = isAgain ? '?refresh=true' : flow === 'recovery' ? RECOVERY : '', ...rest } = options
      return await begin(`/flows/${flow}${flowId === undefined ? query : `/${encodeURIComponent(flowId)}`}`, rest)
    },

    /** The form that an outcome asks for: of its flow if one is ready, else of a new one. */
    follow: async (outcome: Outcome, options?: Options): Promise<Outcome> => {
      let at = outcome
      for (let steps = 0; steps < MAX_STEPS && 'start' in at && at.start !== undefined; steps++) {
        const { flowId, start } = at
        at = await begin(flowId === undefined ? ownPath(start) : `/flows/${flowIn(start)}/${flowId}`, options)
      }
      return at
    },

    signUp: (traits: Partial<Traits>, password: string, options?: InFlow) =>
      submit('registration', { method: 'password', traits, password }, options),

    logIn: (identifier: string, password: string, options?: InFlow) =>
      submit('login', { method: 'password', identifier, password }, options),

    /** Proves once more who is logged in, before something that wants a recent login. */
    logInAgain: (identifier: string, password: string, options?: InFlow) =>
      submit('login', { method: 'password', identifier, password }, { ...options, query: '?refresh=true' }),

    /** Leads to a social login; the outcome is a `redirect`. */
    logInWith: (provider: string, options?: InFlow) =>
      submit('login', { method: 'oidc', provider }, { ...options, query: '?method=oidc' }),

    /**
     * A code of an authenticator app, a backup code, or the code of a mail or text message, which `codeTo` has sent.
     */
    secondFactor: (proof: SecondFactor, options?: InFlow) =>
      submit('login', secondFactorBody(proof), { ...options, query: '?aal=aal2' }),

    /** Has a code mailed that proves an address; then `confirmCode` in the flow of the form. */
    verify: (email: string, options?: InFlow) => submit('verification', toAddress(email), options),

    /** Has a code mailed that lets the user in; then `confirmCode` in the flow of the form. */
    recover: (email: string, options?: InFlow) =>
      submit('recovery', toAddress(email), { query: RECOVERY, ...options }),

    /** The code of a mail, in the flow that sent it. */
    confirmCode: (flow: 'verification' | 'recovery', code: string, options: InFlow) =>
      submit(flow, { method: 'code', code }, options),

    changePassword: (password: string, options?: InFlow) =>
      submit('settings', { method: 'password', password }, options),

    changeProfile: (traits: Traits, options?: InFlow) => submit('settings', { method: 'profile', traits }, options),

    /** @param code of the authenticator app that has read the secret of the settings form */
    enableTotp: (code: string, options?: InFlow) => submit('settings', { method: 'totp', totp_code: code }, options),

    disableTotp: (options?: InFlow) => submit('settings', { method: 'totp', totp_unlink: true }, options),

    /** An outage is `unknown`, never `out`. */
    session: async (options?: Options): Promise<SessionState<Traits>> => {
      const reply = await read('/whoami?full=true', options)
      const { next, id, email, traits, verified, session } = dataOf(reply)
      // A proxy says 401 and 403 too, without a word of what comes next.
      if (reply.status === 401 && next === 'reauthenticate') return { state: 'out' }
      if (reply.status === 403 && next === 'step_up') return { state: 'out', lacks: 'second_factor' }
      const { retryAfterSeconds } = reply
      if (reply.status !== 200 || typeof id !== 'string') return { state: 'unknown', retryAfterSeconds }
      const expiresAt = isRecord(session) ? text(session['expires_at']) ?? '' : ''
      const user = {
        id,
        email: text(email) ?? null,
        traits: traits as Traits,
        verified: verified === true,
        expiresAt,
      }
      return { state: 'in', user }
    },

    /** @returns whether nobody is logged in any more */
    logOut: async (options?: Options): Promise<boolean> => {
      const { body: { success, code } } = await call('POST', '/logout', {}, options)
      return success === true || code === 'INVALID_SESSION'
    },
  }
}

export type Client<Traits = Record<string, unknown>> = ReturnType<typeof createClient<Traits>>
