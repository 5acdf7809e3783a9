import { createHmac, hkdfSync, randomBytes } from 'node:crypto'

const KEY_BYTES = 32

/** Where the methods of Kratos have the identifier of a submit; every one that is there is counted. */
const IDENTIFIER_PLACES: ReadonlyArray<readonly string[]> = [
  ['identifier'],
  ['password_identifier'],
  ['address'],
  ['email'],
  ['username'],
  ['phone'],
  ['recovery_address'],
  ['recovery_confirm_address'],
  ['recovery_select_address'],
  ['traits', 'email'],
  ['traits', 'username'],
  ['traits', 'phone'],
]

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

const valueAt = (body: unknown, place: readonly string[]): unknown =>
  place.reduce<unknown>((value, name) => isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined, body)

/** What Go counts as blank at the ends of a text, the older line end U+0085 included. */
const BLANK_ENDS = /^[\s\u0085]+|[\s\u0085]+$/g

/**
 * One spelling for all that Kratos may take for the same identifier (G07): it trims and lower-cases. By upper case
 * first, and without the dot that JavaScript leaves of `İ`, letters fall together here that do so for Go; some more may
 * do no harm.
 */
export const foldIdentifier = (text: string): string =>
  text.normalize('NFKC').toUpperCase().toLowerCase().replaceAll('\u0307', '').replace(BLANK_ENDS, '')

/** The identifiers of a submit, each once, in one spelling; none for a step that has none, such as a code. */
export function identifiersOf (body: unknown): string[] {
  const found = IDENTIFIER_PLACES.map((place) => valueAt(body, place)).filter((value) => typeof value === 'string').map(
    foldIdentifier,
  )
  return [...new Set(found)].filter((identifier) => identifier !== '')
}

/** For buckets that this process keeps to itself. */
export const randomKey = (): string => randomBytes(KEY_BYTES).toString('base64url')

/**
 * For buckets that processes have in common: the same for all that know the secret, and of no use for anything else.
 */
export const sharedKey = (secret: string): string =>
  Buffer.from(hkdfSync('sha256', secret, '', 'fastify-kratos login budgets', KEY_BYTES)).toString('base64url')

/**
 * Names a bucket by a keyed digest of its parts: neither an address nor an e-mail can be read from it or looked up by
 * it.
 */
export const bucketKey = (secret: string, ...parts: string[]): string =>
  createHmac('sha256', secret).update(JSON.stringify(parts)).digest('base64url')
