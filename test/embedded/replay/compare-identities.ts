import { compareJson } from './compare-json.js'
import type { Comparison } from './compare-text.js'
import { isJsonObject, type Exchange, type Json, type JsonObject } from './types.js'

/** The list of identities is sorted by random ids, so it is compared as a set. */
export function isIdentityList ({ request }: Exchange): boolean {
  return request.method === 'GET' && /^admin:(\/admin)?\/identities(\?|$)/.test(request.url)
}

/**
 * Compares each live identity with the recorded one. A page of a longer list may have other identities than the
 * recording; they are looked up on the other pages of the scenario.
 */
export function compareIdentityList (
  exchange: Exchange,
  recorded: Json[],
  live: Json[],
  exchanges: readonly Exchange[],
  comparison: Comparison,
): void {
  if (recorded.length !== live.length) {
    comparison.differences.push({
      at: 'body',
      recorded: `${recorded.length} identities`,
      live: `${live.length} identities`,
    })
  }
  const others = /[?&](page|page_size|per_page|page_token)=/.test(exchange.request.url)
    ? otherPages(exchange, exchanges)
    : []
  const rest = [...recorded]
  const strangers = live.filter((item, index) => {
    const own = takeRecordedSelf(item, rest, comparison)
    const expected = own ?? others.find((other) => isRecordedSelf(item, other, comparison))
    if (expected !== undefined) compareJson(expected, item, { at: `body[${index}]` }, comparison)
    return expected === undefined
  })
  strangers.forEach((item, index) => {
    compareJson(rest[index] ?? null, item, { at: `body[unknown ${index}]` }, comparison)
  })
}

function takeRecordedSelf (item: Json, rest: Json[], comparison: Comparison): Json | undefined {
  const index = rest.findIndex((candidate) => isRecordedSelf(item, candidate, comparison))
  return index === -1 ? undefined : rest.splice(index, 1)[0]
}

function isRecordedSelf (live: Json, recorded: Json, { ledger }: Comparison): boolean {
  if (!isJsonObject(live) || !isJsonObject(recorded)) return false
  return ledger.toRecorded('uuid', String(live['id'])) === recorded['id']
}

/** Identities in other answers of the same kind (with or without credentials). */
function otherPages (exchange: Exchange, exchanges: readonly Exchange[]): JsonObject[] {
  const items = (of: Exchange): JsonObject[] =>
    Array.isArray(of.response.body) ? of.response.body.filter(isJsonObject) : []
  const showsCredentials = items(exchange).some((item) => item['credentials'] !== undefined)
  return exchanges.filter((other) => other !== exchange && isIdentityList(other)).flatMap(items)
    .filter((item) => (item['credentials'] !== undefined) === showsCredentials)
}
