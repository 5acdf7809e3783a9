import type { JsonObject } from '../replay/types.js'

export interface Request {
  method: string
  /** `public:/path` or `admin:/path`, as in the recordings */
  url: string
}

export interface Operation {
  method: string
  /** path as in the document */
  template: string
  isBodyless: boolean
}

/**
 * Kratos accepts any method here and answers in the same way (docs/kratos-facts.md, section 2); the document has only
 * GET.
 */
const anyMethod = '/sessions/whoami'

/**
 * The document's operation for a request.
 * @param lookUp the value at a place of the document
 */
export function operationOf (
  { method, url }: Request,
  templates: readonly string[],
  lookUp: (...parts: string[]) => JsonObject | undefined,
): Operation | undefined {
  const path = documentPath(url)
  if (path === undefined) return undefined
  const template = templates.find((candidate) => candidate === path) ??
    templates.find((candidate) => patternOf(candidate).test(path))
  if (template === undefined) return undefined
  const described = method === 'HEAD' || template === anyMethod ? 'GET' : method
  const exists = lookUp('paths', template, described.toLowerCase()) !== undefined
  return exists ? { method: described, template, isBodyless: method === 'HEAD' } : undefined
}

/**
 * The admin port accepts paths with and without /admin. The document has health and version without it, all others with
 * it.
 */
function documentPath (url: string): string | undefined {
  const [, port = '', path = ''] = /^(\w+):([^?]*)/.exec(url) ?? []
  const short = path.replace(/^\/admin(?=\/)/, '')
  // The public port redirects requests for the admin port (docs/kratos-facts.md, section 15).
  if (port === 'public') return path.startsWith('/admin/') ? undefined : path
  if (short === anyMethod) return undefined
  return /^\/(health\/\w+|version)$/.test(short) ? short : `/admin${short}`
}

const patternOf = (template: string): RegExp => new RegExp(`^${template.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`)
