import { randomInt } from 'node:crypto'
import { cookiePlace } from './compare-json.js'
import { tokenise, type Kind, type Part, type Place } from './tokens.js'
import { isJsonObject, type Answer, type HeaderPair, type Json } from './types.js'

/** Replaces every varying value of a recording, equal values by equal ones, as a second run of the server would. */
export interface OtherRun {
  text: (recorded: string, place?: Place) => string
  json: (recorded: Json, place?: Place) => Json
  answer: (recorded: Answer) => Answer
  /** all replaced values so far */
  values: ReadonlyMap<string, string>
}

const kept = new Set<Kind | 'literal'>(['literal', 'time', 'minutes', 'peer-port'])
const alphabets: Partial<Record<Kind, string>> = {
  uuid: '0123456789abcdef',
  state: '0123456789abcdef',
  code: '0123456789',
  'totp-secret': 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567',
  'lookup-code': 'abcdefghijklmnopqrstuvwxyz0123456789',
}
const alphanumeric = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

export function createOtherRun (): OtherRun {
  const values = new Map<string, string>()

  function other ({ kind, value }: Part): string {
    if (kept.has(kind) || kind === 'literal') return value
    const known = values.get(value) ?? fresh(kind, value)
    values.set(value, known)
    return known
  }
  const text = (recorded: string, place?: Place): string => tokenise(recorded, place).map(other).join('')

  function json (recorded: Json, place: Place = {}): Json {
    if (typeof recorded === 'string') return text(recorded, place)
    if (Array.isArray(recorded)) return recorded.map((item) => json(item, place))
    if (!isJsonObject(recorded)) return recorded
    const isLookup = place.isLookup === true || recorded['id'] === 1050009 || recorded['id'] === 1050015
    // Members in another order, which must not matter.
    return Object.fromEntries(
      Object.entries(recorded)
        .reverse()
        .map(([member, value]) => [member, json(value, { member, isLookup, ...cookiePlace(place, member) })]),
    )
  }

  function header ([name, value]: HeaderPair): HeaderPair {
    if (name.toLowerCase() !== 'set-cookie') return [name, text(value)]
    const [cookie = '', content = '', rest = ''] = /^([^=]*)=([^;]*)(.*)$/s.exec(value)?.slice(1) ?? []
    return [name, `${cookie}=${text(content, { cookie })}${rest}`]
  }

  const answer = ({ status, headers, body = null }: Answer): Answer => ({
    status,
    headers: headers.map(header),
    body: json(body),
  })
  return {
    text,
    json,
    values,
    answer: (recorded) => {
      answer(recorded)
      return JSON.parse(replaceKnown(JSON.stringify(answer(recorded)), values)) as Answer
    },
  }
}

/** Also replaces values in places that the replay ignores: the mock must not ignore the same places. */
function replaceKnown (text: string, values: ReadonlyMap<string, string>): string {
  let result = text
  for (const [recorded, other] of values) if (recorded.length > 16) result = result.replaceAll(recorded, () => other)
  return result
}

/** Another value of the same form; separators, prefixes and padding stay. */
function fresh (kind: Kind, value: string): string {
  const alphabet = alphabets[kind] ?? alphanumeric
  const start = /^(ory_.._|\$2a\$\d\d\$|data:image\/png;base64,)/.exec(value)?.[0].length ?? 0
  return (
    value.slice(0, start) +
    value.slice(start).replaceAll(/[A-Za-z0-9+/]/g, () => alphabet[randomInt(alphabet.length)] ?? '0')
  )
}
