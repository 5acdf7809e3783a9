import { STATUS_CODES } from 'node:http'
import { badRequest, internal, type ApiError, type ApiErrorFields } from '../http/errors.js'
import { attempt } from '../http/outgoing.js'
import type { Exchange } from '../http/exchange.js'
import { asObject, type JsonObject } from '../json.js'
import { durationMs } from '../clock.js'
import type { Kratos } from '../kratos.js'
import type { Session } from '../session/session.js'
import type { Flow } from './flow.js'

/** The admin API of the OAuth2 provider: what it asks for, and the answer to it. */

interface Answer {
  status: number
  body: JsonObject
}

async function call (
  kratos: Kratos,
  method: 'GET' | 'PUT',
  path: string,
  challenge: string,
  body?: JsonObject,
): Promise<Answer> {
  const { url: base = '', headers = {} } = kratos.config.oauth2_provider
  const url = `${base.replace(/\/$/, '')}/admin/oauth2/auth/requests/${path}`
  const text = body === undefined ? '' : JSON.stringify(body)
  const outcome = await attempt(
    {
      url: `${url}?login_challenge=${encodeURIComponent(challenge)}`,
      method,
      headers: {
        Accept: 'application/json',
        ...(text === '' ? {} : { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(text)) }),
        ...headers,
      },
      body: text,
      readsAnswer: true,
    },
    kratos.clock,
    kratos.closing,
  )
  if (outcome.kind === 'failed') return { status: 0, body: {} }
  try {
    return { status: outcome.status, body: asObject(JSON.parse(outcome.body.toString())) }
  } catch {
    return { status: outcome.status, body: {} }
  }
}

/** @throws ApiError 400 when the provider does not know the challenge, 500 when it cannot be asked */
export async function loginRequest ({ kratos }: Exchange, challenge: string): Promise<JsonObject> {
  const { status, body } = await call(kratos, 'GET', 'login', challenge)
  // As Go's client gives it, by name.
  if (status === 200) return Object.fromEntries(Object.entries(body).sort(([a], [b]) => a < b ? -1 : 1))
  const reason = 'Unable to get OAuth 2.0 Login Challenge.'
  if (status > 0 && status < 500) throw badRequest(reason, upstreamFields({ status, body }))
  throw internalError(reason, { status, body })
}

/**
 * Accepts the challenge for a session.
 * @returns where the provider wants the browser to go
 * @throws ApiError 500
 */
export async function acceptLogin ({ kratos }: Exchange, challenge: string, session: Session): Promise<string> {
  const { config } = kratos
  const { status, body } = await call(kratos, 'PUT', 'login/accept', challenge, {
    subject: session.identityId,
    identity_provider_session_id: session.id,
    remember: config.session.cookie.persistent,
    remember_for: Math.floor(durationMs(config.session.lifespan) / 1000),
    amr: session.methods.map(({ method }) => method),
  })
  const { redirect_to: target } = body
  if (status === 200 && typeof target === 'string') return target
  throw internalError('Unable to accept OAuth 2.0 Login Challenge.', { status, body })
}

function upstreamFields ({ status, body }: Answer): Partial<ApiErrorFields> {
  if (status === 0) return {}
  const hint = typeof body['error_hint'] === 'string' ? body['error_hint'] : ''
  return {
    debug: `${status} ${STATUS_CODES[status] ?? ''}`,
    details: { status_code: status, ...(body['error'] === undefined ? {} : { oauth2_error_hint: hint }) },
  }
}

const internalError = (reason: string, answer: Answer): ApiError =>
  internal('An internal server error occurred, please contact the system administrator', {
    reason,
    ...upstreamFields(answer),
  })

/** Adds what the provider asks for to a flow that is shown. */
export async function attachLoginRequest (ex: Exchange, flow: Flow): Promise<void> {
  if (flow.loginChallenge !== '') flow.loginRequest = await loginRequest(ex, flow.loginChallenge)
}

/** The exchange as if it had these parameters. */
export function withParameters (ex: Exchange, parameters: Record<string, string>): Exchange {
  const query = new URLSearchParams(ex.query)
  for (const [name, value] of Object.entries(parameters)) query.set(name, value)
  return { ...ex, query }
}

/** A visit of the browser that starts an OAuth2 login. */
export interface OAuth2Visit {
  request: JsonObject
  /** Whether the provider takes an existing session. */
  canSkip: boolean
}

/**
 * Asks the provider about a `login_challenge`, for the start of a browser flow.
 * @returns undefined without one
 */
export async function oauth2Visit (ex: Exchange, challenge: string): Promise<OAuth2Visit | undefined> {
  if (challenge === '') return undefined
  const request = await loginRequest(ex, challenge)
  return { request, canSkip: request['skip'] === true }
}

/** With `override_return_to` the visitor comes back to the OAuth2 login from whatever flow. */
export function returnTo ({ kratos }: Exchange, { request }: OAuth2Visit): Record<string, string> {
  const { request_url: url } = request
  const isWanted = kratos.config.oauth2_provider.override_return_to === true && typeof url === 'string' && url !== ''
  return isWanted ? { return_to: url } : {}
}
