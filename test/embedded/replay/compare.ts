import { compareHeaders } from './compare-headers.js'
import { compareIdentityList, isIdentityList } from './compare-identities.js'
import { compareJson, short } from './compare-json.js'
import type { Comparison } from './compare-text.js'
import { timedOut } from './send.js'
import type { Answer, Exchange, Json } from './types.js'

/** The recorder replaced some bodies by a remark such as `<n bytes: ...>`: only status and headers were kept. */
const remark = /^<.*\bbytes\b.*>$/s

export const isRemark = (body: Json): boolean => typeof body === 'string' && remark.test(body)

/**
 * Compares a live answer with the recorded one and records which live value belongs to which recorded one.
 * @param exchanges the whole scenario, because a page of a list with random ids needs the other pages
 */
export function compareAnswer (
  exchange: Exchange,
  live: Answer,
  exchanges: readonly Exchange[],
  comparison: Comparison,
): void {
  const recorded = exchange.response
  if (recorded.status !== live.status) {
    comparison.differences.push({
      at: 'status',
      recorded: String(recorded.status),
      live: `${live.status} ${live.status === 0 ? short(live.body) : ''}`.trim(),
    })
  }
  // A connection that stays open without an answer differs from one that closes without an answer.
  if (recorded.status === 0 && live.body === timedOut) {
    comparison.differences.push({ at: 'connection', recorded: 'ended', live: 'left open' })
  }
  if (recorded.status === 0) return
  compareHeaders(recorded.headers, live.headers, comparison)
  compareBody(exchange, live.body ?? null, exchanges, comparison)
}

function compareBody (exchange: Exchange, live: Json, exchanges: readonly Exchange[], comparison: Comparison): void {
  const recorded = exchange.response.body ?? null
  if (isRemark(recorded)) return
  if (isIdentityList(exchange) && Array.isArray(recorded) && Array.isArray(live)) {
    compareIdentityList(exchange, recorded, live, exchanges, comparison)
    return
  }
  const [recordedDocuments, liveDocuments] = [recorded, live].map(documentsOf)
  if (recordedDocuments !== undefined && liveDocuments !== undefined) {
    compareJson(recordedDocuments, liveDocuments, { at: 'body' }, comparison)
  } else {
    compareJson(recorded, live, { at: 'body' }, comparison)
  }
}

/** The recordings have two JSON documents in one body as text. The order of their members must not matter either. */
function documentsOf (body: Json): Json[] | undefined {
  if (typeof body !== 'string' || !/^\{[^]*\}\s*\{[^]*\}\s*$/.test(body)) return undefined
  try {
    return body.trim().split(/(?<=\})\n(?=\{)/).map((document) => JSON.parse(document) as Json)
  } catch {
    return undefined
  }
}
