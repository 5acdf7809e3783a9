import { asObject, valueAt, type Json } from '../json.js'
import { isEmail, isPhone } from './formats.js'
import type { SchemaField } from './schema-fields.js'
import type { IdentitySchema } from './schemas.js'

export interface ExtensionError {
  path: string
  format: 'email' | 'tel'
  value: Json
}

/**
 * Errors of Kratos' own schema extensions about addresses. For verification they apply only if the schema has no
 * format, for recovery always. So a bad address can be reported twice (recording 80).
 */
export const extensionErrors = ({ fields }: IdentitySchema, root: Json): ExtensionError[] =>
  fields.flatMap((field) => {
    const value = valueAt(root, field.path)
    const format = formatFor(field)
    if (value === undefined || format === undefined) return []
    const isValid = typeof value === 'string' && (format === 'email' ? isEmail(value) : isPhone(value))
    return isValid ? [] : [{ path: field.path, format, value }]
  })

function formatFor ({ schema }: SchemaField): 'email' | 'tel' | undefined {
  const extension = asObject(schema['ory.sh/kratos'])
  if (schema['format'] === undefined && asObject(extension['verification'])['via'] === 'email') return 'email'
  const via = asObject(extension['recovery'])['via']
  return via === 'email' ? 'email' : via === 'sms' ? 'tel' : undefined
}
