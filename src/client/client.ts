/**
 * Intents instead of endpoints, one union of outcomes, nothing stored, nothing thrown for an answer that can be
 * expected. For browsers, workers, Node and native apps; it needs `fetch` and nothing else.
 */

import { accountIntents } from './account.js'
import { formOf } from './form.js'
import type {
  ClientOptions, Device, FlowName, InFlow, Options, Outcome, Reply, SessionState,
} from './types.js'

export type * from './types.js'

type Json = Record<string, unknown>

const isRecord = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const text = (value: unknown): string | undefined => typeof value === 'string' ? value : undefined

/** Seconds; a date or nonsense counts as none. */
function retryAfter (headers: Headers): number | undefined {
  const value = headers.get('retry-after') ?? ''
  return /^\d{1,6}$/.test(value) ? Number(value) : undefined
}

const OUTCOME_OF_NEXT: Record<string, (data: Json, flow: FlowName) => Outcome> = {
  done: () => ({ kind: 'done' }),
  form: (data, flow) => ({ kind: 'form', form: formOf(flow, data) }),
  step_up: (data) => ({ kind: 'second_factor', flowId: text(data['flow_id']) }),
  verify: (data) => ({ kind: 'confirm_address', flowId: text(data['flow_id']) }),
  settings: (data) => ({ kind: 'settings', flowId: text(data['flow_id']) }),
  reauthenticate: (data) => ({ kind: 'log_in_again', flowId: text(data['flow_id']) }),
  redirect: (data) => ({ kind: 'redirect', url: String(data['redirect_browser_to']) }),
  already_logged_in: () => ({ kind: 'already_logged_in' }),
}

/** Decides nothing about the caller. */
const isOutage = ({ status }: Reply): boolean => status === 429 || status >= 500 || status === 0

/** A flow that is gone is replaced; when the new one is gone too, something else is wrong. */
const MAX_RESTARTS = 1

/** @template Traits the product's @returns functions that reject only when their `signal` was aborted */
export function createClient<Traits = Record<string, unknown>> (options: ClientOptions = {}) {
  const { baseUrl = '', prefix = '/api/auth', fetch: send = fetch } = options

  async function call (method: string, path: string, body?: Json, options?: Options, base = prefix): Promise<Reply> {
    const signal = options?.signal
    try {
      const answer = await send(`${baseUrl}${base}${path}`, {
        method,
        credentials: 'include',
        headers: body === undefined
          ? { accept: 'application/json' }
          : { accept: 'application/json', 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        ...(signal !== undefined && { signal }),
      })
      const json: unknown = await answer.json().catch(() => undefined)
      // A proxy's page in place of an answer of the API is no answer.
      if (!isRecord(json)) return { status: 0, body: {}, retryAfterSeconds: retryAfter(answer.headers) }
      return { status: answer.status, body: json, retryAfterSeconds: retryAfter(answer.headers) }
    } catch (error) {
      if (signal?.aborted === true) throw error
      return { status: 0, body: {}, retryAfterSeconds: undefined }
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
    if (isOutage(reply) || known === undefined) {
      const isThrottled = reply.status === 429
      return { kind: 'unavailable', retryAfterSeconds: reply.retryAfterSeconds, isThrottled }
    }
    return known(data, flow)
  }

  /** Without an id `outcome` says why. */
  async function start (
    flow: FlowName,
    query: string,
    { flowId, ...options }: InFlow = {},
  ): Promise<{ flowId?: string, outcome: Outcome }> {
    const path = flowId === undefined ? query : `/${encodeURIComponent(flowId)}`
    const reply = await read(`/flows/${flow}${path}`, options)
    const outcome = outcomeOf(reply, flow)
    return outcome.kind === 'form' ? { flowId: outcome.form.flowId, outcome } : { outcome }
  }

  /** In a new flow if none is named or the named one is gone. */
  async function submit (
    flow: FlowName,
    body: Json,
    { flowId, query = '', ...options }: InFlow & { query?: string } = {},
    restarts = 0,
  ): Promise<Outcome> {
    const started = flowId === undefined ? await start(flow, query, options) : { flowId, outcome: undefined }
    if (started.flowId === undefined) return started.outcome ?? { kind: 'unavailable', retryAfterSeconds: undefined, isThrottled: false }
    const reply = await call('POST', `/flows/${flow}`, { flow_id: started.flowId, ...body }, options)
    const data = dataOf(reply)
    if (data['next'] !== 'restart') return outcomeOf(reply, flow)
    if (restarts >= MAX_RESTARTS) return { kind: 'unavailable', retryAfterSeconds: undefined, isThrottled: false }
    return await submit(flow, body, { ...options, query, flowId: text(data['flow_id']) }, restarts + 1)
  }

  const account = accountIntents<Traits>({ call, read, start, submit, outcomeOf, dataOf })

  return {
    ...account,

    /**
     * The form of a flow, to be shown before anything was entered: a new one, or the one of `flowId` with its errors.
     * `isAgain`: of a login that proves once more who is logged in.
     */
    form: async (flow: FlowName, options: InFlow & { query?: string, isAgain?: boolean } = {}): Promise<Outcome> =>
      (await start(flow, options.query ?? (options.isAgain === true ? '?refresh=true' : ''), options)).outcome,

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

    /** A code of an authenticator app, or a backup code. */
    secondFactor: (code: { totp: string } | { backupCode: string }, options?: InFlow) =>
      submit(
        'login',
        'totp' in code
          ? { method: 'totp', totp_code: code.totp }
          : { method: 'lookup_secret', lookup_secret: code.backupCode },
        { ...options, query: '?aal=aal2' },
      ),

    /** Has a code mailed that proves an address; then `confirmCode` in the flow of the form. */
    verify: (email: string, options?: InFlow) => submit('verification', { method: 'code', email }, options),

    /** Has a code mailed that lets the user in; then `confirmCode` in the flow of the form. */
    recover: (email: string, options?: InFlow) => submit('recovery', { method: 'code', email }, options),

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
      if (reply.status === 401) return { state: 'out' }
      if (reply.status === 403) return { state: 'out', lacks: 'second_factor' }
      if (reply.status !== 200) return { state: 'unknown', retryAfterSeconds: reply.retryAfterSeconds }
      const { id, email, traits, verified, session } = dataOf(reply)
      const expiresAt = isRecord(session) ? text(session['expires_at']) ?? '' : ''
      const user = {
        id: String(id),
        email: text(email) ?? null,
        traits: traits as Traits,
        verified: verified === true,
        expiresAt,
      }
      return { state: 'in', user }
    },

    /** @returns undefined when the devices cannot be told */
    devices: async (options?: Options): Promise<Device[] | undefined> => {
      const { sessions } = dataOf(await read('/sessions', options))
      return Array.isArray(sessions) ? sessions as Device[] : undefined
    },

    /** @returns whether the session of a device has ended */
    logOutDevice: async (id: string, options?: Options): Promise<boolean> =>
      (await call('DELETE', `/sessions/${encodeURIComponent(id)}`, undefined, options)).status === 200,

    /** @returns how many other devices were logged out */
    logOutOthers: (options?: Options) =>
      account.request<{ revoked: number }>('DELETE', `${prefix}/sessions`, undefined, options),

    /** Deletes the account for good; wants a recent login. */
    deleteAccount: (options?: Options) =>
      account.request<{ id: string }>('DELETE', `${prefix}/account`, undefined, options),

    /** @returns whether nobody is logged in any more */
    logOut: async (options?: Options): Promise<boolean> => {
      const { status } = await call('POST', '/logout', {}, options)
      return status === 200 || status === 401
    },
  }
}

export type Client<Traits = Record<string, unknown>> = ReturnType<typeof createClient<Traits>>
