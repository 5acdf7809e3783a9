import type { Flow } from '../flow/flow.js'
import { json, redirect, type Answer } from '../http/answer.js'
import { badRequest, noRow, notFound } from '../http/errors.js'
import { withQuery, type Exchange } from '../http/exchange.js'
import { checkedReturnTo } from '../http/return-to.js'
import type { Kratos } from '../kratos.js'
import { newSecret } from '../random.js'
import { DatabaseAway } from '../store/away.js'
import { sessionJson } from './json.js'
import type { Session } from './session.js'

const CODE_LENGTH = 64

/** A native app gets one code when it opens its flow. With the other code, from return_to, it fetches the session. */
export function offerExchange ({ kratos }: Exchange, flow: Flow): void {
  flow.exchangeCode = newSecret(CODE_LENGTH)
  kratos.store.exchanges.create(flow.id, { initCode: flow.exchangeCode, returnToCode: newSecret(CODE_LENGTH) })
}

/** Where to send a browser after the login; with a code if a native app waits for it. */
export function homeOf (ex: Exchange, flow: Flow, session: Session): string {
  const { exchanges } = ex.kratos.store
  const exchange = exchanges.ofFlow(flow.id)
  if (exchange === undefined) return returnTo(ex, flow)
  exchanges.complete(flow.id, session.id)
  return withQuery(returnTo(ex, flow), { code: exchange.returnToCode })
}

/** Where the flow ends; the default URL if return_to is not allowed. */
export function returnTo (ex: Exchange, flow: Flow): string {
  try {
    return checkedReturnTo(ex, { returnTo: flow.returnTo, source: flow.requestUrl })
  } catch {
    return ex.kratos.config.selfservice.default_browser_return_url
  }
}

/** Redirects to a native app that waits for the session of a social login; undefined if there is none. */
export function backToApp (ex: Exchange, flow: Flow, session: Session, method: string): Answer | undefined {
  if (flow.type !== 'api' || method !== 'oidc' || ex.kratos.store.exchanges.ofFlow(flow.id) === undefined) {
    return undefined
  }
  return redirect(ex.method, 303, homeOf(ex, flow, session))
}

/** A database that is away has no session for the codes either (docs/kratos-facts.md, section 20). */
function exchangedSession ({ store }: Kratos, initCode: string, returnToCode: string): string | undefined {
  try {
    return store.exchanges.sessionId(initCode, returnToCode)
  } catch (error) {
    if (error instanceof DatabaseAway) return undefined
    throw error
  }
}

/** `GET /sessions/token-exchange`: the session for both codes, any number of times. */
export function exchangeToken ({ kratos, query }: Exchange): Answer {
  const [initCode = '', returnToCode = ''] = [query.get('init_code') ?? '', query.get('return_to_code') ?? '']
  if (initCode === '' || returnToCode === '') {
    throw badRequest('"init_code" and "return_to_code" query params must be set')
  }
  const id = exchangedSession(kratos, initCode, returnToCode)
  if (id === undefined) throw notFound('no session yet for this "code"')
  const session = kratos.store.sessions.get(id)
  if (session === undefined) throw noRow()
  return json(200, { session_token: session.token, session: { ...sessionJson(kratos, session), devices: [] } })
}
