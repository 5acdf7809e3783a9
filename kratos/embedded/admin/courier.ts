import { rfc3339 } from '../clock.js'
import { base64Problem } from '../go/base64.js'
import { json, type Answer } from '../http/answer.js'
import { ApiError, badRequest, noRow, plainError } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import { linkTo } from '../http/pagination.js'
import { route, type Route } from '../http/router.js'
import type { JsonObject } from '../json.js'
import { parseUuid } from '../random.js'
import type { CourierMessage, Dispatch } from '../store/messages.js'

const STATUSES = ['queued', 'sent', 'processing', 'abandoned']
const DEFAULT_SIZE = 10
const MAX_SIZE = 500

/** Without --dev, Kratos does not show codes of other people (recording 82). */
const REDACTED = '<redacted-unless-dev-mode>'

const messageJson = (ex: Exchange, message: CourierMessage): JsonObject => ({
  id: message.id,
  status: message.status,
  type: message.type,
  recipient: message.recipient,
  body: ex.kratos.dev ? message.body : REDACTED,
  subject: ex.kratos.dev ? message.subject : REDACTED,
  template_type: message.template,
  channel: message.channel,
  send_count: message.sendCount,
  created_at: rfc3339(message.createdAt),
  updated_at: rfc3339(message.updatedAt),
})

const dispatchJson = ({ id, messageId, error, createdAt }: Dispatch): JsonObject => ({
  id,
  message_id: messageId,
  status: error === null ? 'success' : 'failed',
  error,
  created_at: rfc3339(createdAt),
  updated_at: rfc3339(createdAt),
})

/** Newest first, paged by token, filtered by status and recipient. */
function list (ex: Exchange): Answer {
  const status = ex.query.get('status')
  const recipient = ex.query.get('recipient') ?? ''
  if (status !== null && !STATUSES.includes(status)) throw badRequest('Message status is not valid')
  const size = pageSize(ex.query.get('page_size') ?? '')
  const after = lastSeen(ex)
  const fitting = ex.kratos.store.messages
    .all()
    .filter(
      (message) =>
        (status === null || message.status === status) && (recipient === '' || message.recipient === recipient),
    )
  const rest = fitting.slice(fitting.findIndex(({ id }) => id === after) + 1)
  const shown = rest.slice(0, size)
  const last = shown.at(-1)
  const link = (rel: string, id: string): string =>
    linkTo(ex, rel, { page_size: String(size), page_token: pageToken(ex, id) })
  const links = [link('first', ''), ...(rest.length > size && last !== undefined ? [link('next', last.id)] : [])]
  return json(200, shown.map((message) => messageJson(ex, message)), { Link: links.join(',') })
}

function pageSize (text: string): number {
  if (text !== '' && !/^[+-]?\d+$/.test(text)) {
    throw plainError(`strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`).with({ httpStatus: 400 })
  }
  const size = Number(text)
  return size <= 0 ? DEFAULT_SIZE : Math.min(size, MAX_SIZE)
}

/** Sealed as in Kratos: a client cannot read or make one. */
const pageToken = ({ kratos }: Exchange, id: string): string => kratos.sealer.seal('page_token', { id })

function lastSeen ({ kratos, query }: Exchange): string {
  const token = query.get('page_token') ?? ''
  const content = token === '' ? { id: '' } : kratos.sealer.open('page_token', token)
  if (content === undefined) {
    const why = base64Problem(token) ?? 'it is none of this server'
    throw plainError(`decode token: ${why}`).with({ httpStatus: 400 })
  }
  return String(content['id'] ?? '')
}

function get (ex: Exchange): Answer {
  const text = ex.params['id'] ?? ''
  const id = parseUuid(text)
  if (id === undefined) {
    throw new ApiError({
      code: 400,
      message: `uuid: incorrect UUID length ${text.length} in string ${JSON.stringify(text)}`,
    })
  }
  const message = ex.kratos.store.messages.get(id)
  if (message === undefined) throw noRow()
  const dispatches = ex.kratos.store.messages.dispatches(id).map(dispatchJson)
  return json(200, { ...messageJson(ex, message), ...(dispatches.length === 0 ? {} : { dispatches }) })
}

export const courierRoutes: Route[] = [
  route('GET', '/admin/courier/messages', list),
  route('GET', '/admin/courier/messages/{id}', get),
]
