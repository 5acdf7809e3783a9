/**
 * Finds the varying parts of a string. The rest are literals, which must be equal in the recorded and the live answer.
 */
export type Kind =
  | 'uuid'
  | 'session-token'
  | 'logout-token'
  | 'state'
  | 'link-token'
  | 'page-token'
  | 'code'
  | 'totp-secret'
  | 'lookup-code'
  | 'time'
  | 'csrf'
  | 'sealed'
  | 'image'
  | 'hash'
  | 'minutes'
  | 'peer-port'

export interface Part {
  kind: Kind | 'literal'
  value: string
}

/** The place of a string, as far as it decides what varies in it. */
export interface Place {
  member?: string
  /** inside a message about backup codes */
  isLookup?: boolean
  /** the value of the cookie of this name */
  cookie?: string
}

/** Kinds whose equality is compared: the same recorded value must always have the same live value. */
export const trackedKinds: ReadonlySet<Kind> = new Set<Kind>(
  ['uuid', 'session-token', 'logout-token', 'state', 'link-token', 'code', 'totp-secret', 'lookup-code'],
)

const fixedValues = new Set([
  '00000000-0000-0000-0000-000000000000',
  '11111111-2222-4333-8444-555555555555',
  '0001-01-01T00:00:00Z',
])

const wholeValues: Array<[Kind, RegExp]> = [
  ['csrf', /^[A-Za-z0-9+/]{86}==$/],
  ['csrf', /^[A-Za-z0-9+/]{43}=$/],
  ['totp-secret', /^[A-Z2-7]{32}$/],
  ['image', /^data:image\/png;base64,[A-Za-z0-9+/=]+$/],
]

/** The value of any cookie except CSRF; its sealing is up to the server. */
const sealedPattern = /^[A-Za-z0-9_.~=+/%-]{40,}$/

/** Where a value can begin: not inside a word, but after an encoded `=` of a URL inside a URL. */
const start = '(?:(?<=%3[Dd])|(?<![A-Za-z0-9]))'
const parameter = (name: string): string => `(?<=(?:[?&;]|%3[Ff]|%26)${name}(?:=|%3[Dd]))`
const parameterValue = '[^&%\\s"\'<>]+'

const embedded: Array<[Kind, string]> = [
  // Sealed tokens end with as much encoded padding as their length needs.
  ['page-token', `${parameter('page_token')}${parameterValue}(?:%3D)*`],
  ['state', `${parameter('state')}${parameterValue}`],
  ['link-token', `${parameter('token')}(?!ory_)${parameterValue}`],
  ['uuid', `${start}[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\\b`],
  ['time', '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?(?:Z|[+-]\\d\\d:\\d\\d)'],
  ['time', '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \\d\\d \\w{3} \\d{4} \\d\\d:\\d\\d:\\d\\d GMT'],
  ['session-token', `${start}ory_st_[A-Za-z0-9]{32}\\b`],
  ['logout-token', `${start}ory_lo_[A-Za-z0-9]{32}\\b`],
  ['minutes', '(?<=expired )-?\\d+\\.\\d\\d(?= minutes ago)'],
  ['hash', '\\$2[aby]\\$\\d\\d\\$[./A-Za-z0-9]{53}'],
  ['hash', '\\$argon2id\\$[^\\s"]+'],
]

const embeddedPattern = new RegExp(embedded.map(([, source]) => `(${source})`).join('|'), 'g')
const codePattern = new RegExp(`${start}(\\d{6})\\b`, 'g')
const lookupPattern = /\b([a-z0-9]{8})\b/g
const peerPortPattern = /(?<=:)(\d+)$/g

/** Splits a text into literals and varying parts; joined, they are the text again. */
export function tokenise (text: string, place: Place = {}): Part[] {
  const whole = wholeValues.find(([, pattern]) => pattern.test(text))
  if (whole !== undefined) return [{ kind: whole[0], value: text }]
  if (place.cookie !== undefined && sealedPattern.test(text)) return [{ kind: 'sealed', value: text }]
  let parts = splitBy(text, embeddedPattern, kindOfMatch)
  if (place.isLookup === true) parts = splitLiterals(parts, lookupPattern, 'lookup-code')
  if (place.member === 'ip_address') parts = splitLiterals(parts, peerPortPattern, 'peer-port')
  if (mayHoldCode(text, place)) parts = splitLiterals(parts, codePattern, 'code')
  return parts
}

/** Six digits are a code only in mails and in members and query parameters of that name. */
function mayHoldCode (text: string, { member }: Place): boolean {
  return /code/i.test(text) || (member !== undefined && /code$/.test(member))
}

function kindOfMatch (match: RegExpExecArray): Kind | undefined {
  if (fixedValues.has(match[0])) return undefined
  return embedded[match.slice(1).findIndex((group) => group !== undefined)]?.[0]
}

function splitLiterals (parts: Part[], pattern: RegExp, kind: Kind): Part[] {
  return parts.flatMap((part) => part.kind === 'literal' ? splitBy(part.value, pattern, () => kind) : [part])
}

function splitBy (text: string, pattern: RegExp, kindOf: (match: RegExpExecArray) => Kind | undefined): Part[] {
  const parts: Part[] = []
  let end = 0
  for (const match of text.matchAll(pattern)) {
    const kind = kindOf(match)
    if (kind === undefined) continue
    if (match.index > end) parts.push({ kind: 'literal', value: text.slice(end, match.index) })
    parts.push({ kind, value: match[0] })
    end = match.index + match[0].length
  }
  if (end < text.length || parts.length === 0) parts.push({ kind: 'literal', value: text.slice(end) })
  return parts
}
