import { notEmbedded, plainError } from '../http/errors.js'
import type { Kratos } from '../kratos.js'
import { newId } from '../random.js'
import type { Template } from './templates.js'

/**
 * Queues a message. It is never delivered: it can be read in the admin API and in the log.
 * @param via `email` or `sms`
 */
export function sendMessage (kratos: Kratos, via: string, recipient: string, template: Template): void {
  const body = via === 'sms' ? template.sms : template.body
  if (via === 'email' && !recipient.includes('@')) throw plainError("mail: missing '@' or angle-addr")
  if (body === undefined || (via !== 'email' && via !== 'sms')) {
    throw notEmbedded(`A message of type ${template.type} cannot be sent via ${via}.`)
  }
  const now = kratos.clock.now()
  kratos.store.messages.add({
    id: newId(),
    status: 'queued',
    type: via,
    channel: via,
    recipient,
    subject: via === 'sms' ? '' : template.subject,
    body,
    template: template.type,
    sendCount: 0,
    createdAt: now,
    updatedAt: now,
  })
  kratos.log(`message ${template.type} to ${recipient}: ${body.trim().split(/\n+/).map((line) => line.trim()).filter(Boolean).join(' ')}`)
}
