import { Ajv } from 'ajv'
import { ErrorSchema } from '../../src/schemas/envelope.js'

const validate = new Ajv({ allErrors: true }).compile(ErrorSchema)

/** What the published error schema says against the body of a failure; empty when it matches (O03). */
export function envelopeProblems (body: string): string[] {
  try {
    return validate(JSON.parse(body))
      ? []
      : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message ?? ''}`)
  } catch {
    return ['no JSON']
  }
}
