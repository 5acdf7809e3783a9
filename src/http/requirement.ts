import type { ValidateFunction } from 'ajv'
import { createAjv } from '../ajv.js'
import { schemaProblems } from '../schema-problems.js'
import { type AuthRequirement, AuthRequirementSchema } from '../sessions/strength.js'

const names = Object.keys(AuthRequirementSchema.properties)

let validate: ValidateFunction | undefined
/** Compiled for the first route that asks for something. */
function requirementValidator (): ValidateFunction {
  validate ??= createAjv({ allErrors: true, strict: false }).compile(AuthRequirementSchema)
  return validate
}

/** One line for each fault of a route's `config.auth`. */
export function requirementProblems (auth: unknown): string[] {
  if (typeof auth === 'boolean') return []
  if (typeof auth !== 'object' || auth === null || Array.isArray(auth)) {
    return [`config.auth is not valid: it wants true, false or { ${names.join(', ')} }`]
  }
  const isRequirement = requirementValidator()
  if (!isRequirement(auth)) {
    return schemaProblems(isRequirement.errors ?? [], AuthRequirementSchema).map((line) => `config.auth.${line}`)
  }
  const { only, aal, within, verified } = auth as AuthRequirement
  return only === 'id' && (aal === 'aal2' || within !== undefined || verified === true)
    ? ['config.auth.only is not valid: an id alone does not tell aal, within or verified']
    : []
}
