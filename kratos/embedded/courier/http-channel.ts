import { requestHeaders } from '../hooks/web-hook/delivery.js'
import { hookSettings } from '../hooks/web-hook/settings.js'
import { renderTemplate } from '../hooks/web-hook/template.js'
import { attempt } from '../http/outgoing.js'
import type { JsonObject } from '../json.js'
import { DispatchError, type Channel } from './channel.js'

/** Messages as HTTP requests, whose Jsonnet body gets the message as `ctx`. */
export function httpChannel (config: JsonObject): Channel {
  const settings = { ...hookSettings(config), hasIds: false }
  return async (kratos, message) => {
    const { html, data, headers } = kratos.store.messages.content(message.id)
    const context: JsonObject = {
      recipient: message.recipient,
      subject: message.subject,
      body: message.body,
      ...(html === '' ? {} : { html_body: html }),
      template_type: message.template,
      template_data: data,
      message_type: message.type,
      request_headers: headers,
    }
    const body = await renderTemplate(settings, context, kratos.folder) ?? ''
    const { url, method } = settings
    const outcome = await attempt(
      { url, method, headers: requestHeaders(settings, body, ''), body, readsAnswer: false },
      kratos.clock,
      kratos.closing,
    )
    const head = `${method} ${url} giving up after 1 attempt(s)`
    if (outcome.kind === 'failed') throw new DispatchError(`${head}: ${outcome.reason}`)
    const { status } = outcome
    if (status === 429 || (status >= 500 && status !== 501)) throw new DispatchError(head)
    if (status < 200 || status > 299) {
      throw new DispatchError(
        `unable to dispatch mail delivery because upstream server replied with status code ${status}`,
      )
    }
  }
}
