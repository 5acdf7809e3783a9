import { flowJson, type Flow } from '../../flow/flow.js'
import { saveFlow, uiUrl } from '../../flow/lifecycle.js'
import { json, redirect, type Answer } from '../../http/answer.js'
import type { Exchange } from '../../http/exchange.js'
import { isJsonRequest } from '../../http/negotiation.js'
import type { TurnPage } from '../../methods/method.js'
import { enabledRegistrationMethods } from '../../methods/registry.js'
import { resetMessages, upsertTraits } from '../../ui/container.js'
import { sortRegistration } from './style.js'

/**
 * The other page of a two-step registration: hidden traits and the credentials, or back to the traits. Kratos answers a
 * next page with 400 (recording 06).
 */
export function turnPage (ex: Exchange, flow: Flow, { page, traits }: TurnPage): Answer {
  resetMessages(flow.ui)
  if (page === 'credentials') {
    flow.active = ''
    flow.state = 'choose_method'
  } else {
    upsertTraits(flow.ui, traits, 'default')
  }
  for (const method of enabledRegistrationMethods(ex.kratos)) method.populate(ex, flow, page)
  upsertTraits(flow.ui, traits, 'default')
  sortRegistration(ex.kratos, flow)
  saveFlow(ex.kratos, flow)
  return isJsonRequest(ex) ? json(400, flowJson(flow)) : redirect(ex.method, 303, uiUrl(ex.kratos, flow))
}
