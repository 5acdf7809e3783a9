import { json, type Answer } from '../http/answer.js'
import { badRequest } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import { linkTo, paginationHeaders } from '../http/pagination.js'
import { adminIdentityJson } from '../identity/identity.js'
import { NIL_UUID, parseUuid } from '../random.js'

const DEFAULT_SIZE = 250
const MAX_SIZE = 500

function pageSize (text: string | null): number {
  if (text !== null && !/^[+-]?\d+$/.test(text)) throw badRequest(`strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`)
  const size = Number(text ?? 0)
  return size <= 0 ? DEFAULT_SIZE : Math.min(size, MAX_SIZE)
}

function pageToken (ex: Exchange): string {
  const token = ex.query.get('page_token') ?? ''
  try {
    return decodeURIComponent(token)
  } catch {
    throw badRequest(`invalid URL escape ${JSON.stringify(/%.{0,2}/.exec(token.replace(/%[0-9a-f]{2}/gi, ''))?.[0] ?? '')}`)
  }
}

/** Identities in the order of their ids, by page token or by number (recording 80). */
export function listIdentities (ex: Exchange): Answer {
  const { query } = ex
  const isNumbered = query.has('page') && !query.has('page_token') && !query.has('page_size')
  return isNumbered ? numbered(ex) : afterToken(ex)
}

function afterToken (ex: Exchange): Answer {
  const size = pageSize(ex.query.get('page_size') ?? ex.query.get('per_page'))
  const token = pageToken(ex)
  const after = token === '' || token === NIL_UUID ? '' : token
  const candidates = matching(ex, after, size + 1)
  const shown = candidates.slice(0, size)
  const last = shown.at(-1)
  const link = (rel: string, id: string): string => linkTo(ex, rel, { page_size: String(size), page_token: id })
  const links = [link('first', NIL_UUID), ...(candidates.length > size && last !== undefined ? [link('next', last)] : [])]
  return json(200, shownIdentities(ex, shown), { Link: links.join(',') })
}

/** Ids that the filters let through, after `after`. */
function matching ({ kratos, query }: Exchange, after: string, limit: number): string[] {
  const identifier = query.get('credentials_identifier')
  const wanted = query.getAll('ids').map(text => {
    const id = parseUuid(text)
    if (id === undefined) throw badRequest(`Invalid UUID value \`${text}\` for parameter \`ids\`.`)
    return id
  })
  const { identities } = kratos.store
  if (identifier !== null && identifier !== '') return identities.idsWithIdentifier(identifier).filter(id => id > after).slice(0, limit)
  if (wanted.length > 0) return wanted.filter(id => identities.get(id) !== undefined && id > after).sort().slice(0, limit)
  return identities.ids({ after, limit })
}

function numbered (ex: Exchange): Answer {
  const page = Math.max(0, Number(ex.query.get('page')) || 0)
  const perPage = pageSize(ex.query.get('per_page'))
  const ids = ex.kratos.store.identities.ids({ offset: page * perPage, limit: perPage })
  return json(200, shownIdentities(ex, ids), paginationHeaders(ex, ex.kratos.store.identities.count(), page, perPage, 'numbered'))
}

/** Credentials only where an identifier was searched for (facts 18). */
function shownIdentities ({ kratos, query }: Exchange, ids: string[]): object[] {
  const configOf = query.getAll('include_credential')
  const credentials = (query.get('credentials_identifier') ?? '') !== '' || configOf.length > 0
  return ids.map(id => kratos.store.identities.get(id)).filter(identity => identity !== undefined)
    .map(identity => adminIdentityJson(kratos, identity, { credentials, configOf }))
}
