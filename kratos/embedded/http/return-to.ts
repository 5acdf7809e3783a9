import { goQuery } from '../go/query.js'
import { goQuote } from '../go/text.js'
import { GoUrlError, goUrlText, parseGoUrl, type GoUrl } from '../go/url.js'
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

function isAllowed (target: GoUrl, entry: string): boolean {
  const allowed = goUrlOf(entry)
  if (allowed === undefined) return false
  const [host, wanted] = [target.host.toLowerCase(), allowed.host.toLowerCase()]
  const isSameHost = wanted.startsWith('*') ? host.endsWith(wanted.slice(1)) : host === wanted
  return target.scheme === allowed.scheme && isSameHost &&
    (target.path === '' ? '/' : target.path).startsWith(allowed.path === '' ? '/' : allowed.path)
}

function goUrlOf (text: string): GoUrl | undefined {
  try {
    return parseGoUrl(text)
  } catch (error) {
    if (error instanceof GoUrlError) return undefined
    throw error
  }
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
    : (goQuery(query).get('return_to') ?? '')
  if (asked === '') return fallback
  const target = parsed(asked, fallback)
  const allowList = [
    ...(sources.isOwnOnly === true ? [] : selfservice.allowed_return_urls),
    publicUrl(ex.kratos, '/self-service'),
  ]
  if (allowList.some((allowed) => isAllowed(target, allowed))) return goUrlText(target)
  throw badRequest(`Requested return_to URL ${goQuote(goUrlText(target))} is not allowed.`, {
    id: 'self_service_flow_return_to_forbidden',
  })
}

/**
 * Host and scheme of the default, if the URL has none; a path stays as it is. Browsers read some URLs in another way,
 * but Kratos asks only Go's parser.
 */
function parsed (asked: string, fallback: string): GoUrl {
  try {
    const target = parseGoUrl(asked)
    const home = goUrlOf(fallback)
    return {
      ...target,
      host: target.host === '' ? home?.host ?? '' : target.host,
      scheme: target.scheme === '' ? home?.scheme ?? '' : target.scheme,
    }
  } catch (error) {
    if (!(error instanceof GoUrlError)) throw error
    throw badRequest(
      `Unable to parse the return_to query parameter as an URL: parse ${goQuote(asked)}: ${error.message}`,
    )
  }
}
