import type { TObject, TSchema } from '@sinclair/typebox'
import type { Ajv, ErrorObject } from 'ajv'
import { closest } from 'fastest-levenshtein'
import { MIN_KEY_BYTES } from './settings.js'
import { isReturnUrl } from './redirect-target.js'
import { isTraitPointer } from './kratos-client/traits.js'
import { isHttpUrl, isOrigin } from './url-rules.js'

/** Long enough not to be guessed. Visible ASCII: a header value loses blanks at its ends and arrives as Latin-1. */
const isStrongKey = (key: string): boolean => key.length >= MIN_KEY_BYTES && /^[\x21-\x7e]+$/.test(key)

/** Ajv's options for schemas of ours: to hold them against JSON Schema takes a start longer than to compile them. */
export const OWN_SCHEMAS = { meta: false, validateSchema: false } as const
/** The same for what is looked at once, whose problems are told below in words of our own. */
export const WORDS_OF_OURS = { messages: false, code: { optimize: false } } as const

const FORMATS: Record<string, (text: string) => boolean> = {
  'http-url': isHttpUrl,
  origin: isOrigin,
  'return-url': isReturnUrl,
  key: isStrongKey,
  'trait-pointer': isTraitPointer,
  // A name that needs no quoting in a Cookie header, whatever wrote it.
  'cookie-name': (text) => /^[A-Za-z0-9_-]{1,64}$/.test(text),
  // As routes are declared: a path, or everything below one.
  'route-pattern': (text) => /^\/[^?#*]*\*?$/.test(text),
  identifier: (text) => /^[A-Za-z_$][\w$]{0,63}$/.test(text) && !(text in Object.prototype),
  // Whole segments: `logout_url` is built of it, so no parameter, no wildcard, no slash at the end.
  path: (text) => /^(?:\/[A-Za-z0-9._~-]+)+$/.test(text),
}

export function withSettingFormats (ajv: Ajv): Ajv {
  for (const [name, validate] of Object.entries(FORMATS)) ajv.addFormat(name, validate)
  ajv.addKeyword({ keyword: 'isFunction', validate: (_: true, value: unknown) => typeof value === 'function' })
  return ajv.addKeyword({
    keyword: 'hasMethod',
    validate: (name: string, value: unknown) =>
      (typeof value === 'object' || typeof value === 'function') && value !== null &&
      typeof (value as Record<string, unknown>)[name] === 'function',
  })
}

const schemaAt = (schema: TSchema, path: string[]): TSchema | undefined =>
  path.reduce<TSchema | undefined>(
    (at, name) => (at?.['properties'] as TObject['properties'] | undefined)?.[name],
    schema,
  )

const SHAPES: Record<string, string> = {
  'http-url': ', with http:// or https:// before it',
  key: '; `openssl rand -hex 32` makes one',
}

/** What the description of a setting does not say of how it is written. */
function shapeOf (schema: TSchema | undefined): string {
  if (schema?.['type'] !== 'integer') return SHAPES[String(schema?.['format'])] ?? ''
  return `; a whole number from ${schema['minimum']} to ${schema['maximum']}`
}

/** "name is not valid: it wants …", in the words of the schema. */
export function complaint (schema: TSchema, path: string[], fault: 'is missing' | 'is not valid'): string {
  const wanted = schemaAt(schema, path)
  return `${path.join('.')} ${fault}: it wants ${wanted?.description ?? 'another value'}${shapeOf(wanted)}`
}

export const unknownName = (name: string, known: string[]): string =>
  `${name} is not known: did you mean ${closest(name, known)}?`

/** One line for each setting; values are never part of it. */
export function schemaProblems (errors: ErrorObject[], schema: TSchema): string[] {
  const lines = errors.map(({ instancePath, params, keyword }) => {
    const path = instancePath.split('/').slice(1)
    if (keyword === 'required') return complaint(schema, [...path, String(params['missingProperty'])], 'is missing')
    if (keyword === 'additionalProperties') {
      const known = Object.keys((schemaAt(schema, path) as TObject).properties)
      return [...path, unknownName(String(params['additionalProperty']), known)].join('.')
    }
    // An item of a list is told as the list.
    const named = path.filter((part) => !/^\d+$/.test(part))
    return complaint(schema, named, 'is not valid')
  })
  return [...new Set(lines)]
}
