import type { FieldError } from '../errors.js'

const MAX_TEXT = 4096
const MAX_NAME = 256
/** Levels of objects and lists, the body itself among them. */
const MAX_DEPTH = 8
/** Members and items of the whole body, at all levels together. */
const MAX_MEMBERS = 200

/** Longest texts at the top of a body, by name, as Kratos' methods take them. The first row that matches decides. */
const TOP_LEVEL: Array<[names: RegExp, maxLength: number]> = [
  [/^(?:(?:traits\.)?(?:email|username|phone)|(?:password_)?identifier|(?:recovery_(?:confirm_|select_)?)?address)$/, 320],
  [/^password$/, 1024],
  [/^csrf_token$/, 1024],
  [/^(?:code|\w+_code|lookup_secret)$/, 256],
  [/^(?:id_token|passkey_.*|webauthn_.*)$/, 16_384],
]

const maxLengthOf = (name: string): number => TOP_LEVEL.find(([names]) => names.test(name))?.[1] ?? MAX_TEXT

/** A name as a JSON pointer has it (RFC 6901, section 3). */
const escaped = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')

const tooLong = (path: string, value: unknown, maxLength: number): FieldError | undefined =>
  (typeof value === 'string' || typeof value === 'number') && String(value).length > maxLength
    ? { path, message: `must NOT have more than ${maxLength} characters` }
    : undefined

/** Longer, deeper or more than any method of Kratos needs; asked first, so that later work on a text is bounded. */
export function outOfBounds (body: unknown): FieldError | undefined {
  let members = 0

  function inMember (name: string, value: unknown, path: string, depth: number): FieldError | undefined {
    if (++members > MAX_MEMBERS) return { path: '', message: `must NOT have more than ${MAX_MEMBERS} members` }
    if (name.length > MAX_NAME) return { path, message: `must NOT have names of more than ${MAX_NAME} characters` }
    const own = `${path}/${escaped(name)}`
    return tooLong(own, value, depth === 1 ? maxLengthOf(name) : MAX_TEXT) ?? inside(value, own, depth + 1)
  }

  function inside (value: unknown, path: string, depth: number): FieldError | undefined {
    if (typeof value !== 'object' || value === null) return undefined
    if (depth > MAX_DEPTH) return { path, message: `must NOT be nested more than ${MAX_DEPTH} levels deep` }
    for (const [name, member] of Object.entries(value)) {
      const found = inMember(name, member, path, depth)
      if (found !== undefined) return found
    }
    return undefined
  }

  return tooLong('', body, MAX_TEXT) ?? inside(body, '', 1)
}
