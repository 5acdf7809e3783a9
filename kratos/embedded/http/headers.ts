import type { JsonObject } from '../json.js'
import type { Exchange } from './exchange.js'

/** The headers of a request that web hooks and HTTP channels may see, under Go's names. */
export function allowedHeaders (ex: Exchange): JsonObject {
  const { header_allowlist: allowed } = ex.kratos.config.clients.web_hook
  const names = allowed.map((name) => name.toLowerCase())
  return Object.fromEntries(
    ex.headers.entries().filter(([name]) => name !== 'Host' && names.includes(name.toLowerCase())),
  )
}
