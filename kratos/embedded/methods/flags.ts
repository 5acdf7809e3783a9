import type { FormSchema } from '../flow/form.js'
import { plainError } from '../http/errors.js'
import { asObject, type JsonObject } from '../json.js'

/**
 * A button field that is neither true nor false fails in Go's decoder, before the rules of the form (tried on v26.2.0).
 * @param struct the struct name in the decoder's message
 * @throws ApiError 400 with code 500
 */
export function ensureFlags (form: JsonObject, schema: FormSchema, struct: string): void {
  const flags = Object.entries(asObject(schema['properties']))
    .filter(([, field]) => asObject(field)['type'] === 'boolean')
    .map(([name]) => name)
  const wrong = flags.find((name) => typeof form[name] === 'string')
  if (wrong !== undefined) {
    throw plainError(`json: cannot unmarshal string into Go struct field ${struct}.${wrong} of type bool`)
  }
}
