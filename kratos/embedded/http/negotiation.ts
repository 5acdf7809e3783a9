import type { Exchange } from './exchange.js'

interface Range {
  type: string
  quality: number
}

/** Token, and quality if there is one. Go's reader knows no other parameter than `q`. */
const RANGE = /([!#$%&'*+\-.^`|~\w/]+)[ \t]*(?:;[ \t]*q=([01](?:\.\d*)?))?[ \t]*(,?)[ \t]*/y

/**
 * The ranges of one `Accept` line. A range with another parameter, such as a charset, counts for nothing, and neither
 * does what follows it on the line.
 */
function acceptRanges (line: string): Range[] {
  const ranges: Range[] = []
  RANGE.lastIndex = 0
  for (let comma: string | undefined = ','; comma === ',';) {
    const [, type, quality, next] = RANGE.exec(line) ?? []
    if (type === undefined || (quality === undefined && line[RANGE.lastIndex] === ';')) break
    ranges.push({ type, quality: quality === undefined ? 1 : Number(quality) })
    comma = next
  }
  return ranges
}

/**
 * How well a range matches an offer: 3 exactly, 2 by main type, 1 by the wildcard, 0 not at all. A wildcard in the
 * range is never an exact match, although offers contain wildcards too.
 */
function closeness (range: string, offer: string): number {
  if (range === '*/*') return 1
  if (range.endsWith('/*')) return offer.startsWith(range.slice(0, -1)) ? 2 : 0
  return range === offer ? 3 : 0
}

/** The best offer for the client: by quality, then by closeness, then by the order of the offers. */
function negotiate (lines: string[], offers: string[], fallback: string): string {
  const ranges = lines.flatMap(acceptRanges)
  let best = { offer: fallback, quality: -1, close: 0 }
  for (const offer of offers) {
    for (const { type, quality } of ranges) {
      const close = closeness(type, offer)
      if (quality === 0 || close === 0) continue
      if (quality > best.quality || (quality === best.quality && close > best.close)) best = { offer, quality, close }
    }
  }
  return best.offer
}

const accept = (ex: Exchange): string[] => ex.headers.all('accept')

/** Whether `Accept` alone prefers JSON over HTML. */
export const acceptsJson = (ex: Exchange): boolean =>
  negotiate(accept(ex), ['text/html', 'application/json'], 'text/html') === 'application/json'

/**
 * Whether Kratos treats the caller as an SPA: by `Accept`, or by a Content-Type of exactly application/json
 * (docs/kratos-facts.md, section 5).
 */
export const isJsonRequest = (ex: Exchange): boolean =>
  negotiate(accept(ex), ['text/html', 'text/*', '*/*', 'application/json'], 'text/html') === 'application/json' ||
  ex.headers.get('content-type') === 'application/json'

/** Whether the caller is a browser that navigates. */
export const isHtmlRequest = (ex: Exchange): boolean =>
  negotiate(accept(ex), ['text/html', 'text/*', '*/*', 'application/json'], 'text/html') === 'text/html'
