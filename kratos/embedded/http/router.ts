import { plain, redirect, type Answer } from './answer.js'
import type { Exchange } from './exchange.js'

export type Handler = (ex: Exchange) => Answer | Promise<Answer>

export interface Route {
  method: string
  /** Path with `{name}` for one part, such as /sessions/{id}. */
  path: string
  handler: Handler
}

export const route = (method: string, path: string, handler: Handler): Route => ({ method, path, handler })

const isParameter = (part: string): boolean => part.startsWith('{')

function match (pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/')
  const given = path.split('/')
  if (wanted.length !== given.length) return undefined
  const params: Record<string, string> = {}
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? ''
    if (!isParameter(part) ? part !== value : value === '') return undefined
    if (isParameter(part)) params[part.slice(1, -1)] = decodePart(value)
  }
  return params
}

const decodePart = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** Go's path cleaning: removes double slashes and dot segments, keeps a trailing slash. */
export function cleanPath (path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  const clean = `/${parts.join('/')}`
  return path.endsWith('/') && clean !== '/' ? `${clean}/` : clean
}

/**
 * Finds the handler as Go's mux does. Exact parts go before parameters, GET also serves HEAD, an unclean path is
 * redirected, and a known path with another method is 405 with `Allow` (recordings 31, 85).
 */
export function createRouter (routes: Route[]): (ex: Exchange) => Promise<Answer> {
  const parameters = (path: string): number => path.split('/').filter(isParameter).length
  const ordered = [...routes].sort((left, right) => parameters(left.path) - parameters(right.path))
  return async (ex) => {
    const [path = '/', query] = ex.target.split(/\?(.*)/s)
    const clean = cleanPath(path)
    if (clean !== path) return redirect(ex.method, 307, query === undefined ? clean : `${clean}?${query}`)
    const method = ex.method === 'HEAD' ? 'GET' : ex.method
    const matching = ordered.flatMap((item) => {
      const params = match(item.path, path)
      return params === undefined ? [] : [{ ...item, params }]
    })
    if (matching.length === 0) return plain(404, '404 page not found')
    const found = matching.find((item) => item.method === ex.method) ?? matching.find((item) => item.method === method)
    if (found === undefined) return plain(405, 'Method Not Allowed', { Allow: allowed(matching) })
    ex.params = found.params
    return await found.handler(ex)
  }
}

function allowed (matching: Route[]): string {
  const methods = new Set(matching.map((item) => item.method))
  if (methods.has('GET')) methods.add('HEAD')
  return [...methods].sort().join(', ')
}
