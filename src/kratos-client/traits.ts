import { isRecord, type JsonObject } from './kratos-body.js'

/** Where the traits of an identity have what our API calls by these names: JSON pointers (RFC 6901) into `traits`. */
export interface TraitPointers {
  email: string
  firstName: string
  lastName: string
  username: string
}

export const DEFAULT_TRAITS: TraitPointers = {
  email: '/email',
  firstName: '/first_name',
  lastName: '/last_name',
  username: '/username',
}

/** Name in a flat body, in whoami and in the users table → the pointer that says where it is among the traits. */
export const TRAIT_OF = {
  email: 'email',
  first_name: 'firstName',
  last_name: 'lastName',
  username: 'username',
} as const satisfies Record<string, keyof TraitPointers>
export type FlatName = keyof typeof TRAIT_OF
export const FLAT_NAMES = Object.keys(TRAIT_OF) as FlatName[]

/** A body may be nested no deeper than eight levels, of which body and traits are two. */
const MAX_SEGMENTS = 6
const MAX_LENGTH = 256
const SEGMENT = /^(?:[^~/]|~[01])+$/
/** Names that no body may have, and numbers: of a list only the first item can be made, and no other has a meaning. */
const UNUSABLE = /^(?:__proto__|constructor|prototype|-|[1-9]\d*|0\d+)$/

export function isTraitPointer (text: string): boolean {
  const [root, ...segments] = text.split('/')
  return root === '' && text.length <= MAX_LENGTH && segments.length >= 1 && segments.length <= MAX_SEGMENTS &&
    segments.every((segment) => SEGMENT.test(segment) && !UNUSABLE.test(segment))
}

export const segmentsOf = (pointer: string): string[] =>
  pointer.split('/').slice(1).map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'))

/** Whether one of two places is the other, or within it. */
export const overlaps = (one: string, other: string): boolean =>
  one === other || one.startsWith(`${other}/`) || other.startsWith(`${one}/`)

/** @param segments of a pointer, which are made once: every whoami asks */
export const traitAt = (traits: unknown, segments: readonly string[]): unknown =>
  segments.reduce<unknown>(
    (owner, name) =>
      typeof owner === 'object' && owner !== null && Object.hasOwn(owner, name)
        ? (owner as JsonObject)[name]
        : undefined,
    traits,
  )

function placed (owner: unknown, [name, ...rest]: string[], value: unknown): unknown {
  if (name === undefined) return value
  if (name === '0') return [placed(undefined, rest, value)]
  const members = isRecord(owner) ? owner : {}
  return { ...members, [name]: placed(Object.hasOwn(members, name) ? members[name] : undefined, rest, value) }
}

/** A copy with one trait more; what the pointer leads through is made. */
export const withTrait = (traits: JsonObject, pointer: string, value: unknown): JsonObject =>
  placed(traits, segmentsOf(pointer), value) as JsonObject
