import { durationMs, rfc3339 } from '../clock.js'
import { csrfToken, csrfViolation, isCsrfToken } from '../http/csrf.js'
import { ApiError, badRequest, gone, noRow } from '../http/errors.js'
import { publicUrl, requestUrl, withQuery, type Exchange } from '../http/exchange.js'
import { checkedReturnTo } from '../http/return-to.js'
import type { Kratos } from '../kratos.js'
import { newId, NIL_UUID, parseUuid } from '../random.js'
import { newContainer } from '../ui/container.js'
import { loginParameters, NO_PARAMETERS, startParameters, type StartParameters } from './start-parameters.js'
import { flowData, type Flow, type FlowKind } from './flow.js'

/**
 * A new flow with an empty form, not stored yet.
 * @throws ApiError for a return_to that is not allowed
 */
export function newFlow (ex: Exchange, kind: FlowKind, type: 'api' | 'browser'): Flow {
  const { kratos } = ex
  checkedReturnTo(ex)
  const id = newId()
  const now = kratos.clock.now()
  return {
    kind,
    id,
    type,
    issuedAt: now,
    expiresAt: now + durationMs(kratos.config.selfservice.flows[kind].lifespan),
    requestUrl: requestUrl(ex),
    returnTo: ex.query.get('return_to') ?? '',
    active: '',
    state: kind === 'settings' ? 'show_form' : 'choose_method',
    ui: newContainer(`${publicUrl(kratos, `/self-service/${kind}`)}?flow=${id}`),
    csrfToken: csrfToken(ex),
    context: {},
    ...parametersOf(ex, kind),
    refresh: false,
    requestedAal: 'aal1',
    identityId: '',
    isMadeByAdmin: false,
    createdAt: now,
    updatedAt: now,
    continueWith: [],
  }
}

function parametersOf (ex: Exchange, kind: FlowKind): StartParameters {
  if (kind === 'registration') return startParameters(ex)
  return kind === 'login' ? loginParameters(ex) : NO_PARAMETERS
}

export function saveFlow (kratos: Kratos, flow: Flow): void {
  flow.updatedAt = kratos.clock.now()
  kratos.store.flows.save(flowData(flow))
}

/** @throws ApiError 404 when there is no such flow of this kind (recording 14) */
export function loadFlow (kratos: Kratos, kind: FlowKind, id: string | undefined): Flow {
  const data = kratos.store.flows.get(kind, id ?? NIL_UUID)
  if (data === undefined) throw noRow()
  // A database of an earlier version has flows without the newest members.
  return { ...NO_PARAMETERS, ...data, continueWith: [] }
}

/**
 * The id in `?flow=` of a submit.
 * @throws ApiError 400 when it is missing or malformed (docs/kratos-facts.md, section 3)
 */
export function submittedFlowId (ex: Exchange): string {
  const id = parseUuid(ex.query.get('flow'))
  if (id === undefined) throw badRequest('The flow query parameter is missing or malformed.')
  return id
}

export const isExpired = (kratos: Kratos, flow: Flow): boolean => flow.expiresAt < kratos.clock.now()

/** The flow has expired, or one of its codes, which ends the flow in the same way. */
export class ExpiredError extends Error {
  /** In milliseconds. */
  readonly expiredAt: number

  constructor (expiredAt: number) {
    super('expired')
    this.name = 'ExpiredError'
    this.expiredAt = expiredAt
  }
}

/** 410 for a submit to an expired flow, with the new flow (recording 13). */
export function flowExpired (kratos: Kratos, { expiresAt }: { expiresAt: number }, replacement?: Flow): ApiError {
  const agoMs = kratos.clock.now() - expiresAt
  return gone(
    'self_service_flow_expired',
    `The self-service flow expired ${(agoMs / 60_000).toFixed(2)} minutes ago, initialize a new one.`,
    {
      message: 'self-service flow expired',
      extra: {
        expired_at: rfc3339(expiresAt),
        since: Math.round(agoMs * 1e6),
        use_flow_id: replacement?.id ?? '00000000-0000-0000-0000-000000000000',
      },
    },
  )
}

/** The page of the product that shows the flow. */
export const uiUrl = (kratos: Kratos, flow: Flow): string =>
  withQuery(kratos.config.selfservice.flows[flow.kind].ui_url, { flow: flow.id })

/**
 * The flow for `GET …/flows?id=`.
 * @throws ApiError 403 when a browser flow is fetched without its CSRF cookie, 410 when it has expired
 * (docs/kratos-facts.md, section 8)
 */
export function fetchedFlow (ex: Exchange, kind: FlowKind): Flow {
  const flow = loadFlow(ex.kratos, kind, parseUuid(ex.query.get('id')))
  if (flow.type === 'browser' && !flow.isMadeByAdmin && !isCsrfToken(ex, flow.csrfToken)) throw csrfViolation(ex)
  if (isExpired(ex.kratos, flow)) throw fetchedExpired(ex.kratos, flow)
  return flow
}

/**
 * 410 for a fetch. Only login and registration always have an error id (docs/kratos-facts.md, section 8; recording 13).
 */
export function fetchedExpired (kratos: Kratos, flow: Flow): ApiError {
  const { kind } = flow
  const id = kind === 'login' || kind === 'registration' ? 'self_service_flow_expired' : undefined
  if (flow.type === 'api' && kind === 'recovery') {
    return flowExpired(kratos, flow).with({
      extra: {},
      details: { api: publicUrl(kratos, '/self-service/recovery/api') },
    })
  }
  if (flow.type === 'api') {
    return gone(
      id,
      `The ${kind} flow has expired. Call the ${kind} flow init API endpoint to initialize a new ${kind} flow.`,
      {
        details: { api: publicUrl(kratos, `/self-service/${kind}/api`) },
      },
    )
  }
  const init = publicUrl(kratos, `/self-service/${kind}/browser`)
  return gone(
    id,
    `The ${kind} flow has expired. Redirect the user to the ${kind} flow init endpoint to initialize a new ${kind} flow.`,
    {
      details: {
        redirect_to: flow.returnTo === '' ? init : withQuery(init, { return_to: flow.returnTo }),
        return_to: flow.returnTo,
      },
    },
  )
}
