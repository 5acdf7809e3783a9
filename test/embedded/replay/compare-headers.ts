import { compareText, type Comparison } from './compare-text.js'
import type { HeaderPair } from './types.js'

/** Lengths and dates differ per run. `x-embedded-kratos` identifies the embedded server. */
const ignoredHeaders = new Set(['date', 'content-length', 'transfer-encoding', 'x-embedded-kratos'])

const toleranceSeconds = 2

/** Compares header names, ignoring case, and values. Lines of the same name keep their order. */
export function compareHeaders (
  recorded: HeaderPair[],
  live: HeaderPair[],
  comparison: Comparison,
  ignored = ignoredHeaders,
): void {
  const recordedLines = groupByName(recorded, ignored)
  const liveLines = groupByName(live, ignored)
  for (const name of new Set([...recordedLines.keys(), ...liveLines.keys()])) {
    compareLines(name, recordedLines.get(name) ?? [], liveLines.get(name) ?? [], comparison)
  }
}

function groupByName (headers: HeaderPair[], ignored: ReadonlySet<string>): Map<string, string[]> {
  const lines = new Map<string, string[]>()
  for (const [name, value] of headers) {
    const key = name.toLowerCase()
    if (!ignored.has(key)) lines.set(key, [...lines.get(key) ?? [], value])
  }
  return lines
}

function compareLines (name: string, recorded: string[], live: string[], comparison: Comparison): void {
  const at = `header ${name}`
  const shown = (lines: string[]): string =>
    lines.length === 0 ? 'absent' : JSON.stringify(name === 'set-cookie' ? lines.map(cookieName) : lines)
  if (recorded.length !== live.length) comparison.differences.push({ at, recorded: shown(recorded), live: shown(live) })
  recorded.slice(0, live.length).forEach((value, index) => {
    const other = live[index] ?? ''
    if (name === 'set-cookie') compareSetCookie(value, other, `${at} ${cookieName(value)}`, comparison)
    else if (!isCloseCacheTime(name, value, other)) compareText(value, other, at, {}, comparison)
  })
}

/** Caps (60 and below) must be equal; the remaining lifetime of a session varies. */
function isCloseCacheTime (name: string, recorded: string, live: string): boolean {
  return (
    name === 'ory-session-cache-for' &&
    Number(recorded) > 60 &&
    Math.abs(Number(recorded) - Number(live)) <= toleranceSeconds
  )
}

const cookieName = (line: string): string => line.slice(0, line.indexOf('='))

function compareSetCookie (recorded: string, live: string, at: string, comparison: Comparison): void {
  const [recordedPair = '', ...recordedAttributes] = recorded.split('; ')
  const [livePair = '', ...liveAttributes] = live.split('; ')
  const name = cookieName(recordedPair)
  if (name !== cookieName(livePair)) {
    comparison.differences.push({ at: `${at} name`, recorded: name, live: cookieName(livePair) })
  } else {
    compareText(
      recordedPair.slice(name.length + 1),
      livePair.slice(name.length + 1),
      `${at} value`,
      { cookie: name },
      comparison,
    )
  }
  const attributeNames = (attributes: string[]): string =>
    attributes.map((attribute) => attribute.split('=')[0]).join('; ')
  if (attributeNames(recordedAttributes) !== attributeNames(liveAttributes)) {
    comparison.differences.push({
      at: `${at} attributes`,
      recorded: recordedAttributes.join('; '),
      live: liveAttributes.join('; '),
    })
    return
  }
  recordedAttributes.forEach((attribute, index) => {
    const other = liveAttributes[index] ?? ''
    if (!isCloseMaxAge(name, attribute, other)) {
      compareText(attribute, other, `${at} ${attribute.split('=')[0]}`, {}, comparison)
    }
  })
}

/**
 * Only a session cookie's Max-Age is a remaining lifetime. Deletion (0), CSRF and continuity cookies have fixed
 * numbers.
 */
function isCloseMaxAge (name: string, recorded: string, live: string): boolean {
  if (name.startsWith('csrf_token_') || name.endsWith('_continuity')) return false
  const [recordedAge, liveAge] = [recorded, live].map((attribute) =>
    Number(/^Max-Age=(\d+)$/.exec(attribute)?.[1] ?? NaN),
  )
  if (recordedAge === undefined || liveAge === undefined || recordedAge === 0 || liveAge === 0) return false
  return Math.abs(recordedAge - liveAge) <= toleranceSeconds
}
