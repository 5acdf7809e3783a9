import { valueAt } from '../json.js'
import type { Exchange } from './exchange.js'

export interface Page {
  page: number
  perPage: number
}

const integer = (text: string | null): number | undefined =>
  text !== null && /^[+-]?\d+$/.test(text) ? Number(text) : undefined

const tokenFor = (offset: number): string => Buffer.from(`{"offset":"${offset}","v":2}`).toString('base64url')

function offsetIn (token: string | null): number {
  try {
    return Number(valueAt(JSON.parse(Buffer.from(token ?? '', 'base64url').toString()), 'offset') ?? 0) || 0
  } catch {
    return 0
  }
}

/**
 * `page_size` and `page_token`, otherwise the older `page` and `per_page`. Invalid values count as missing (recording
 * 45).
 */
export function pageParameters (query: URLSearchParams): Page {
  if (!query.has('page_token') && !query.has('page_size')) {
    const perPage = integer(query.get('per_page')) ?? 250
    return { page: Math.max(0, integer(query.get('page')) ?? 0), perPage: Math.min(1000, Math.max(1, perPage)) }
  }
  const perPage = Math.max(1, Math.min(1000, integer(query.get('page_size')) ?? 250))
  return { page: Math.max(0, Math.floor(offsetIn(query.get('page_token')) / perPage)), perPage }
}

/** `Link` and `X-Total-Count` of a numbered page; `sizes` selects the parameters of the links. */
export function paginationHeaders (
  ex: Exchange,
  total: number,
  page: number,
  perPage: number,
  sizes: 'all' | 'numbered' = 'all',
): Record<string, string> {
  const link = (rel: string, size: number, offset: number): string =>
    linkTo(ex, rel, {
      page: String(Math.trunc(offset / size)),
      per_page: String(size),
      ...(sizes === 'all' ? { page_size: String(size), page_token: tokenFor(offset) } : {}),
    })
  return { 'X-Total-Count': String(total), Link: relations(total, page * perPage, perPage, link).join(',') }
}

type LinkMaker = (rel: string, size: number, offset: number) => string

function relations (total: number, offset: number, perPage: number, link: LinkMaker): string[] {
  const last = total % perPage === 0 ? total - perPage : Math.trunc(total / perPage) * perPage
  const next = (Math.trunc(offset / perPage) + 1) * perPage
  const previous = (Math.trunc(offset / perPage) - 1) * perPage
  if (offset >= last) {
    if (total === 0) return [link('first', perPage, 0), link('next', perPage, next), link('prev', perPage, previous)]
    if (total <= perPage) return [link('first', total, 0)]
    return [link('first', perPage, 0), link('prev', perPage, last - perPage)]
  }
  if (offset < perPage) return [link('next', perPage, perPage), link('last', perPage, last)]
  return [
    link('first', perPage, 0),
    link('next', perPage, next),
    link('prev', perPage, previous),
    link('last', perPage, last),
  ]
}

/** One entry of a `Link` header: the request's path and query with changed parameters, sorted by name. */
export function linkTo (ex: Exchange, rel: string, parameters: Record<string, string>): string {
  const query = new URLSearchParams(ex.query)
  for (const [name, value] of Object.entries(parameters)) query.set(name, value)
  query.sort()
  return `<${ex.path}?${query.toString()}>; rel="${rel}"`
}
