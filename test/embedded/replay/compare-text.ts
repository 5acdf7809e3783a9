import type { Ledger } from './ledger.js'
import { tokenise, trackedKinds, type Part, type Place } from './tokens.js'
import type { Difference } from './types.js'

/** Input and output of a comparison. */
export interface Comparison {
  ledger: Ledger
  /** Allowed distance of live times from recorded ones in milliseconds; the live clock follows the recorded times. */
  timeToleranceMs: number
  differences: Difference[]
}

/**
 * Texts that contain messages of Go libraries (cookie codec, decoders, dialer, patch library). Such a text must exist,
 * but its wording is not compared.
 */
const libraryWording = new RegExp(
  [
    'securecookie:',
    'illegal base64',
    'json: ',
    'unexpected EOF',
    'unexpected end of JSON',
    'invalid character',
    'strconv\\.',
    'parse "',
    'invalid URL escape',
    'uuid: ',
    'http: request body too large',
    'dial tcp',
    'error in \\w+ for path',
  ].join('|'),
)

/** The text before the library's message is the server's own. */
function isOtherWording (recorded: string, live: string): boolean {
  const own = recorded.slice(0, Math.max(0, recorded.search(libraryWording)))
  return libraryWording.test(recorded) && live.startsWith(own) && live.length > own.length
}

/** Compares two strings after replacing varying values, and records which live value belongs to which recorded one. */
export function compareText (recorded: string, live: string, at: string, place: Place, comparison: Comparison): void {
  const recordedParts = tokenise(recorded, place)
  const liveParts = tokenise(live, place)
  const equal = pairInOrder(recordedParts, liveParts, comparison)
  if (equal || recorded === live || isOtherWording(recorded, live)) return
  comparison.differences.push({
    at,
    recorded: display(recordedParts, comparison.ledger),
    live: displayLive(liveParts, recordedParts, comparison),
  })
}

/** Values are paired even if the literals around them differ, but not if the texts have another structure. */
function pairInOrder (recordedParts: Part[], liveParts: Part[], comparison: Comparison): boolean {
  const sameKinds = recordedParts.length === liveParts.length &&
    recordedParts.every(({ kind }, index) => kind === liveParts[index]?.kind)
  if (!sameKinds) return false
  return recordedParts.map((part, index) => pairParts(part, liveParts[index] ?? part, comparison)).every(Boolean)
}

function pairParts (part: Part, other: Part, { ledger, timeToleranceMs }: Comparison): boolean {
  if (part.kind === 'literal') return part.value === other.value
  if (part.kind === 'time') return Math.abs(Date.parse(part.value) - Date.parse(other.value)) <= timeToleranceMs
  if (freeLength.has(part.kind) && !haveSameAlphabet(part.value, other.value)) return false
  return ledger.pair(part.kind, part.value, other.value)
}

const freeLength: ReadonlySet<Part['kind']> = new Set<Part['kind']>(['state', 'link-token', 'page-token'])

/** Checks the pattern of values without a fixed length. */
function haveSameAlphabet (recorded: string, live: string): boolean {
  const alphabet = [/^[0-9a-f]+$/, /^[A-Za-z0-9]+$/, /^[A-Za-z0-9_-]+=*$/].find((pattern) => pattern.test(recorded))
  return alphabet === undefined || (alphabet.test(live) && live.length >= 16)
}

function display (parts: Part[], ledger: Ledger): string {
  return JSON.stringify(parts.map((part) => placeholder(part, ledger)).join(''))
}

function placeholder ({ kind, value }: Part, ledger: Ledger): string {
  if (kind === 'literal') return value
  if (kind === 'time') return `<time ${value}>`
  return trackedKinds.has(kind) ? ledger.nameOf(kind, value) : `<${kind}>`
}

function displayLive (parts: Part[], recordedParts: Part[], { ledger }: Comparison): string {
  const texts = parts.map((part, index) => {
    if (part.kind === 'literal' || part.kind === 'time' || !trackedKinds.has(part.kind)) {
      return placeholder(part, ledger)
    }
    const partner = ledger.toRecorded(part.kind, part.value)
    const isNewcomer = partner === undefined || partner === recordedParts[index]?.value
    return isNewcomer ? `<another ${part.kind}>` : ledger.nameOf(part.kind, partner)
  })
  return JSON.stringify(texts.join(''))
}
