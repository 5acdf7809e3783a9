import createSerializerFactory from '@fastify/fast-json-stringify-compiler'
import type { TSchema } from '@sinclair/typebox'
import { Ajv, type ValidateFunction } from 'ajv'
import type { FastifySchemaCompiler, FastifySerializerCompiler } from 'fastify'
import { OWN_SCHEMAS } from '../schema-problems.js'

// All routes share the schema of a failure, for a dozen statuses each: compiled one by one they took most of the start.
// Compiled when they are first used: an app uses few of them, and a `$ref` that a hook of a host put among our
// failures, which leave as text, is never looked up. By identity, so two schemas that look alike stay apart.
function once<Compiled> (compile: (schema: TSchema) => Compiled): (schema: TSchema) => Compiled {
  const compiled = new WeakMap<TSchema, Compiled>()
  return (schema) => {
    const known = compiled.get(schema)
    if (known !== undefined) return known
    const made = compile(schema)
    compiled.set(schema, made)
    return made
  }
}

const AJV_OPTIONS = {
  removeAdditional: false,
  useDefaults: true,
  allErrors: true,
  strict: true,
  strictTypes: false,
  ...OWN_SCHEMAS,
} as const

interface Validator {
  (data: unknown): boolean
  errors: NonNullable<ValidateFunction['errors']> | null
}

function validator (coerceTypes: boolean) {
  let ajv: Ajv | undefined
  const compile = (schema: TSchema): ValidateFunction => {
    ajv ??= new Ajv({ ...AJV_OPTIONS, coerceTypes })
    return ajv.compile(schema)
  }
  const later = once((schema: TSchema) => {
    let compiled: ValidateFunction | undefined
    const validate: Validator = Object.assign((data: unknown): boolean => {
      compiled ??= compile(schema)
      const isValid = compiled(data)
      validate.errors = compiled.errors ?? null
      return isValid
    }, { errors: null })
    return validate
  })
  return { now: compile, later }
}

const exact = validator(false)
const converting = validator(true)

/** In a body a number is no string (A04); query and path are text, so their values are converted. */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  // A host's: ours describe no headers. What is wrong with it stops the start.
  if (httpPart === 'headers') return converting.now(schema) as Validator
  return (httpPart === 'body' ? exact : converting).later(schema)
}

type Serialize = (data: unknown) => string

const compileSerializer = createSerializerFactory()() as FastifySerializerCompiler<TSchema>
const serializer = once((schema): Serialize => {
  let compiled: Serialize | undefined
  return (data) => {
    compiled ??= compileSerializer({ schema, method: '', url: '' })
    return compiled(data)
  }
})

export const serializerCompiler: FastifySerializerCompiler<TSchema> = ({ schema }) => serializer(schema)
