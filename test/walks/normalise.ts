import { isObject, type Answer, type Json } from './steps.js'

/** An answer as it came. */
export interface RawAnswer {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: string
}

/** What a reader of an answer can see of its headers. Those of the connection and of the date say nothing. */
const HEADERS = ['content-type', 'location', 'cache-control', 'vary', 'ory-error-id', 'x-total-count', 'link', 'allow',
  'x-kratos-authenticated-identity-id', 'ory-session-cache-for']

const MINUTE = 60_000
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)/g
const ZERO_TIME = '0001-01-01T00:00:00Z'

const distance = (time: number): string => {
  const minutes = Math.round((time - Date.now()) / MINUTE)
  return minutes === 0 ? 'now' : `${minutes > 0 ? '+' : ''}${minutes}m`
}

/** Kinds of values that differ between two servers. Equal values get equal numbers: their relation is compared. */
const KINDS: Array<[string, RegExp]> = [
  ['id', /(?<![0-9a-f-])[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}(?![\w-])/g],
  ['address hash', /^[A-Za-z0-9+/]{43}=$/g],
  ['token', /\bory_(?:st|lo)_\w{32}\b/g],
  ['exchange code', /(?<!\w)[A-Za-z0-9]{64}(?!\w)/g],
  ['link token', /(?<=[?&]token=)[A-Za-z0-9]{20,}/g],
  ['secret', /\b[A-Z2-7]{32}\b/g],
  ['code', /(?<!\d)(?<!\+)\d{6}(?!\d)/g],
]
/** Kinds of values that are new at each answer. */
const PLAIN: Array<[string, RegExp]> = [
  ['challenge', /(?<="challenge":")[\w-]+/g],
  ['handle', /(?<="user":\{.{0,200}"id":")[\w-]+/g],
  ['page token', /(?<=page_token=)[\w-]{60,}/g],
  // The script is not the same: ours is written anew.
  ['integrity', /^sha512-[A-Za-z0-9+/]{86}==$/g],
  ['csrf', /^[A-Za-z0-9+/]{86}==$/g],
  ['image', /data:image\/png;base64,[A-Za-z0-9+/=]+/g],
  ['hash', /\$2a\$\d\d\$[./A-Za-z0-9]{53}/g],
  ['port', /(?<=^(?:127\.0\.0\.1|\[::1\]):)\d+$/g],
]
const UNSTABLE_NUMBERS = new Set(['since', 'privileged_session_expires_at_unix'])

/** As it stands in a URL, and in a URL within a URL. */
const spellings = (origin: string): string[] =>
  [origin, encodeURIComponent(origin), encodeURIComponent(encodeURIComponent(origin))]

/** Normalises the answers of one server during one walk. */
export function createNormaliser (run: string, origins: Record<string, string>) {
  const numbers = new Map<string, string>()
  const counts = new Map<string, number>()
  // Port 2374 is the beginning of port 23741.
  const longestFirst = Object.entries(origins).sort(([a], [b]) => b.length - a.length)

  function numbered (kind: string, value: string): string {
    const known = numbers.get(value)
    if (known !== undefined) return known
    const count = (counts.get(kind) ?? 0) + 1
    counts.set(kind, count)
    const label = `<${kind} ${count}>`
    numbers.set(value, label)
    return label
  }

  function text (value: string): string {
    let result = value.replaceAll(TIME, (time) => time === ZERO_TIME ? time : `<${distance(Date.parse(time))}>`)
    for (const [origin, name] of longestFirst) {
      for (const spelling of spellings(origin)) result = result.replaceAll(spelling, name)
    }
    // Go goes through the members of an object in any order.
    if (/^I\[#/.test(result)) result = result.split('\n').sort().join('\n')
    result = result.replace(/(?<=^additionalProperties ).*(?= not allowed$)/, (names) => names.split(', ').sort().join(', '))
    result = result.replaceAll(run, '').replaceAll(run.toUpperCase(), '')
    for (const [kind, pattern] of PLAIN) result = result.replaceAll(pattern, `<${kind}>`)
    for (const [kind, pattern] of KINDS) result = result.replaceAll(pattern, (found) => numbered(kind, found))
    return result
  }

  function json (value: Json, member = ''): Json {
    if (typeof value === 'string') return text(value)
    // Kratos takes the identifiers of a credential in any order.
    if (Array.isArray(value)) return (member === 'identifiers' ? value.toSorted() : value).map((item) => json(item, member))
    if (typeof value === 'number') return UNSTABLE_NUMBERS.has(member) ? `<${member}>` : value
    if (!isObject(value)) return value
    const secrets = secretsOf(value)
    if (secrets.length > 0) return { lookupSecrets: secrets.map((item) => isObject(item) ? item['id'] ?? null : null) }
    // Members are visited in one order, or the numbers would depend on the server's.
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1)
      .map(([name, item]) => [text(name), json(item, name)]))
  }

  /** A cookie's name and attributes; of its value, whether there is one. */
  function cookie (line: string): string {
    const [pair = '', ...attributes] = line.split(/;\s*/)
    const at = pair.indexOf('=')
    const kept = attributes.map((attribute) => {
      const [name = '', value = ''] = attribute.split('=')
      if (name === 'Expires') return `Expires=${Date.parse(value) < MINUTE ? 'past' : distance(Date.parse(value))}`
      return name === 'Max-Age' ? `Max-Age=${Math.round(Number(value) / 60)}m` : attribute
    })
    return [`${pair.slice(0, at)}${pair.length > at + 1 ? '' : ' (empty)'}`, ...kept].join('; ')
  }

  return function normalised ({ status, headers, body }: RawAnswer): Answer {
    const kept: Answer['headers'] = {}
    for (const name of HEADERS) {
      const value = headers[name]
      if (value !== undefined) kept[name] = text([value].flat().join(', '))
    }
    const cookies = [headers['set-cookie'] ?? []].flat()
    if (cookies.length > 0) kept['set-cookie'] = cookies.map(cookie)
    return { status, headers: kept, body: json(parsed(body)) }
  }
}

/** The text node with the lookup secrets repeats them in its text. */
const secretsOf = (value: Record<string, Json>): Json[] => {
  const { context } = value
  return isObject(context) && Array.isArray(context['secrets']) ? context['secrets'] : []
}

export function parsed (body: string): Json {
  try {
    return JSON.parse(body) as Json
  } catch {
    return body
  }
}
