import type { Flow } from '../flow/flow.js'
import { notEmbedded, plainError } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import { allowedHeaders } from '../http/headers.js'
import type { Identity } from '../identity/identity.js'
import { identityJson } from '../identity/json.js'
import type { JsonObject } from '../json.js'
import type { Kratos } from '../kratos.js'
import { newId } from '../random.js'
import type { CustomTexts } from './custom-templates.js'
import type { Template } from './templates.js'

/** Why a message is sent. Its templates can read all of it. */
export interface Occasion {
  flow: Flow
  /** Its owner, once there is one. */
  identity?: Identity | undefined
  /** Of a registration, which has no owner yet. */
  traits?: JsonObject
  /** The request, for the three types that know its headers. */
  ex?: Exchange
}

/** Values that every message has, and those of its type. */
function dataOf (kratos: Kratos, via: string, to: string, template: Template, occasion: Occasion): JsonObject {
  const { flow, identity, traits } = occasion
  // A text message has no link.
  const { verification_url: _link, ...ofText } = template.data
  return {
    to,
    ...(via === 'sms' ? ofText : template.data),
    ...(identity === undefined ? {} : { identity: identityJson(kratos, identity) }),
    ...(traits === undefined ? {} : { [via === 'sms' ? 'identity' : 'traits']: traits }),
    request_url: flow.requestUrl,
    transient_payload: flow.transientPayload ?? {},
  }
}

/**
 * Queues a message. The courier delivers it where the configuration says so; in any case it can be read in the admin
 * API and in the log.
 * @param via `email` or `sms`
 */
export function sendMessage (
  kratos: Kratos,
  via: string,
  recipient: string,
  template: Template,
  occasion: Occasion,
): void {
  if (via === 'email' && !recipient.includes('@')) throw plainError("mail: missing '@' or angle-addr")
  const data = dataOf(kratos, via, recipient, template, occasion)
  const custom: CustomTexts = kratos.templates.render(template.type, via, data)
  const body = custom.body ?? (via === 'sms' ? template.sms : template.body)
  if (body === undefined || (via !== 'email' && via !== 'sms')) {
    throw notEmbedded(`A message of type ${template.type} cannot be sent via ${via}.`)
  }
  const now = kratos.clock.now()
  const subject = via === 'sms' ? '' : (custom.subject ?? template.subject).trim()
  kratos.store.messages.add({
    id: newId(),
    status: 'queued',
    type: via,
    channel: via,
    recipient,
    subject,
    body,
    template: template.type,
    sendCount: 0,
    createdAt: now,
    updatedAt: now,
  }, {
    html: via === 'sms' ? '' : custom.html ?? template.html ?? template.body,
    data,
    headers: occasion.ex === undefined ? {} : allowedHeaders(occasion.ex),
  })
  kratos.log(`message ${template.type} to ${recipient}: ${body.trim().replace(/\s*\n+\s*/g, ' ')}`)
  kratos.courier.wake()
}
