import type { SchemaField } from '../json-schema/fields.js'
import type { IdentitySchema } from '../identity/schemas.js'
import { MESSAGES } from './message.js'
import { inputNode, inputType, type UiNode } from './node.js'

const FORMATS: Record<string, { type: string, autocomplete?: string }> = {
  'date-time': { type: 'datetime-local' },
  email: { type: 'email', autocomplete: 'email' },
  tel: { type: 'tel', autocomplete: 'tel' },
  date: { type: 'date' },
  uri: { type: 'url', autocomplete: 'url' },
  regex: { type: 'text' },
}

/** One input per field of the schema, also outside the traits, sorted by name; objects have none. */
export const traitNodes = ({ fields }: IdentitySchema, group: string): UiNode[] =>
  fields
    .filter(({ isComposite }) => !isComposite)
    .map((field) => traitNode(field, group))

function traitNode ({ path, kind, schema, required }: SchemaField, group: string): UiNode {
  const format = typeof schema['format'] === 'string' ? FORMATS[schema['format']] : undefined
  const plain = inputType(path, kind === 'number' || kind === 'boolean' || kind === 'string' ? kind : 'other')
  return inputNode(group, path, format?.type ?? plain, {
    required,
    ...(format?.autocomplete === undefined ? {} : { autocomplete: format.autocomplete }),
    ...(typeof schema['pattern'] === 'string' ? { pattern: schema['pattern'] } : {}),
    ...(typeof schema['title'] === 'string' && schema['title'] !== ''
      ? { label: MESSAGES.traitLabel(schema['title'], path) }
      : {}),
  })
}
