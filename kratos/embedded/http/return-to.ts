import { badRequest } from './errors.js'
import { publicUrl, requestUrl, type Exchange } from './exchange.js'

export interface ReturnToSources {
  /** The flow's own return_to. */
  returnTo?: string | undefined
  /** URL whose `return_to` parameter counts; default the request's own. */
  source?: string
  /** The default; selfservice.default_browser_return_url if undefined. */
  fallback?: string | undefined
  /** Only Kratos' own URLs are allowed. */
  isOwnOnly?: boolean
}

const pathOf = (url: URL): string => url.pathname === '' ? '/' : url.pathname

function isAllowed (target: URL, allowed: string): boolean {
  const entry = /^([a-z]+):\/\/([^/]*)(\/.*)?$/i.exec(allowed)
  if (entry === null) return false
  const [, scheme = '', host = '', path = '/'] = entry
  const sameHost = host.startsWith('*')
    ? target.host.toLowerCase().endsWith(host.slice(1).toLowerCase())
    : target.host.toLowerCase() === host.toLowerCase()
  return target.protocol === `${scheme.toLowerCase()}:` && sameHost && pathOf(target).startsWith(path)
}

/**
 * Where the browser goes after a flow.
 * @throws ApiError `self_service_flow_return_to_forbidden` for a URL that is not allowed; 400 without id for text that
 * is not a URL (docs/kratos-facts.md, section 10)
 */
export function checkedReturnTo (ex: Exchange, sources: ReturnToSources = {}): string {
  const { selfservice } = ex.kratos.config
  const fallback = sources.fallback ?? selfservice.default_browser_return_url
  const query = (sources.source ?? requestUrl(ex)).split(/\?(.*)/s)[1] ?? ''
  const asked = sources.returnTo !== undefined && sources.returnTo !== ''
    ? sources.returnTo
    : (new URLSearchParams(query).get('return_to') ?? '')
  if (asked === '') return fallback
  const target = parse(asked, fallback)
  const allowList = [
    ...(sources.isOwnOnly === true ? [] : selfservice.allowed_return_urls),
    publicUrl(ex.kratos, '/self-service'),
  ]
  if (allowList.some((allowed) => isAllowed(target, allowed))) return asWritten(asked, target)
  throw badRequest(`Requested return_to URL ${JSON.stringify(asWritten(asked, target))} is not allowed.`, {
    id: 'self_service_flow_return_to_forbidden',
  })
}

function parse (asked: string, fallback: string): URL {
  if (asked.startsWith(':')) {
    throw badRequest(
      `Unable to parse the return_to query parameter as an URL: parse ${
        JSON.stringify(asked)
      }: missing protocol scheme`,
    )
  }
  try {
    return new URL(asked, fallback)
  } catch (error) {
    throw badRequest(
      `Unable to parse the return_to query parameter as an URL: parse ${JSON.stringify(asked)}: ${String(error)}`,
    )
  }
}

/** Go keeps an absolute URL as written; the WHATWG parser would add a slash. */
const asWritten = (asked: string, target: URL): string =>
  /^[a-z][a-z0-9+.-]*:\/\//i.test(asked) ? asked : target.toString()
