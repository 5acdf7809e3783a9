import { json, type Answer } from '../http/answer.js'
import { badRequest } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import { linkTo, paginationHeaders } from '../http/pagination.js'
import { adminIdentityJson } from '../identity/json.js'
import { NIL_UUID, parseUuid } from '../random.js'
import { includedCredentials } from './identity-view.js'

const DEFAULT_SIZE = 250
const MAX_SIZE = 500

function pageSize (text: string | null): number {
  if (text !== null && !/^[+-]?\d+$/.test(text)) {
    throw badRequest(`strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`)
  }
  const size = Number(text ?? 0)
  return size <= 0 ? DEFAULT_SIZE : Math.min(size, MAX_SIZE)
}

function pageToken (ex: Exchange): string {
  const token = ex.query.get('page_token') ?? ''
  try {
    return decodeURIComponent(token)
  } catch {
    throw badRequest(
      `invalid URL escape ${JSON.stringify(/%.{0,2}/.exec(token.replace(/%[0-9a-f]{2}/gi, ''))?.[0] ?? '')}`,
    )
  }
}

/** Identities sorted by id, paged by token or by number (recording 80). */
export function listIdentities (ex: Exchange): Answer {
  const { query } = ex
  const filters = filtersOf(ex)
  const configOf = includedCredentials(ex, (_, unknown) => unknown)
  const isNumbered = query.has('page') && !query.has('page_token') && !query.has('page_size')
  const { ids, headers } = isNumbered ? numbered(ex, filters) : afterToken(ex, filters)
  // Credentials are shown only when an identifier was searched for or when they were asked for (docs/kratos-facts.md,
  // section 18).
  const credentials = filters.identifier !== undefined || configOf.length > 0
  const shown = ids.map((id) => ex.kratos.store.identities.get(id)).filter((identity) => identity !== undefined)
    .map((identity) => adminIdentityJson(ex.kratos, identity, { credentials, configOf }))
  return json(200, shown, headers)
}

interface Filters {
  ids?: string[]
  identifier?: { text: string, isPrefix: boolean }
  organization?: string
}

/** @throws ApiError 400 for an invalid value and for more than one filter */
function filtersOf ({ query }: Exchange): Filters {
  const ids = query.getAll('ids').map((text) => uuid(text, 'ids'))
  if (ids.length > 500) throw badRequest('The number of ids to filter must not exceed 500.')
  const [organization, exact, similar] = [
    'organization_id',
    'credentials_identifier',
    'preview_credentials_identifier_similar',
  ].map((name) => query.get(name) ?? '')
  const filters: Filters = {
    ...(ids.length === 0 ? {} : { ids }),
    ...(organization === undefined || organization === ''
      ? {}
      : { organization: uuid(organization, 'organization_id') }),
  }
  if (exact !== undefined && exact !== '') filters.identifier = { text: exact, isPrefix: false }
  const isTooMuch = Object.keys(filters).length > 1 || (filters.identifier !== undefined && similar !== '')
  if (similar !== undefined && similar !== '') filters.identifier = { text: similar, isPrefix: true }
  if (isTooMuch || Object.keys(filters).length > 1) throw badRequest('You cannot combine multiple filters in this API')
  return filters
}

function uuid (text: string, parameter: string): string {
  const id = parseUuid(text)
  if (id === undefined) throw badRequest(`Invalid UUID value \`${text}\` for parameter \`${parameter}\`.`)
  return id
}

interface Page {
  ids: string[]
  headers: Record<string, string>
}

function afterToken (ex: Exchange, filters: Filters): Page {
  const size = pageSize(ex.query.get('page_size') ?? ex.query.get('per_page'))
  const token = pageToken(ex)
  if (token !== '' && parseUuid(token) === undefined) {
    throw badRequest('The page token is invalid, do not craft your own page tokens')
  }
  const candidates = matching(ex, filters, { after: token === NIL_UUID ? '' : token, limit: size + 1 })
  const ids = candidates.slice(0, size)
  const last = ids.at(-1)
  const query = new URLSearchParams(ex.query)
  query.delete('per_page')
  const link = (rel: string, id: string): string =>
    linkTo({ ...ex, query }, rel, { page_size: String(size), page_token: id })
  const links = [
    link('first', NIL_UUID),
    ...(candidates.length > size && last !== undefined ? [link('next', last)] : []),
  ]
  return { ids, headers: { Link: links.join(',') } }
}

/** The older numbered pages. The total counts all identities, unless an identifier was searched for. */
function numbered (ex: Exchange, filters: Filters): Page {
  const page = Math.max(0, Number(ex.query.get('page')) || 0)
  const perPage = numberedSize(ex.query.get('per_page'))
  const ids = matching(ex, filters, { offset: page * perPage, limit: perPage })
  const total = filters.identifier?.isPrefix === false ? ids.length : ex.kratos.store.identities.count()
  return { ids, headers: paginationHeaders(ex, total, page, perPage, 'numbered') }
}

function numberedSize (text: string | null): number {
  const size = text !== null && /^[+-]?\d+$/.test(text) ? Number(text) : DEFAULT_SIZE
  return Math.min(Math.max(size, 1), MAX_SIZE)
}

/** Ids of the identities that match the filters. */
function matching (
  { kratos }: Exchange,
  { ids, identifier, organization }: Filters,
  page: { after?: string, offset?: number, limit: number },
): string[] {
  const { identities } = kratos.store
  const { after = '', offset = 0, limit } = page
  if (ids === undefined && identifier === undefined && organization === undefined) return identities.ids(page)
  const found = organization !== undefined
    ? identities.idsOfOrganization(organization)
    : ids === undefined
      ? identities.idsWithIdentifier(identifier?.text ?? '', identifier?.isPrefix ?? false)
      : ids.filter((id) => identities.get(id) !== undefined)
  return [...new Set(found)]
    .filter((id) => id > after)
    .sort()
    .slice(offset, offset + limit)
}
