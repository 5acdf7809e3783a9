import createSerializerFactory from '@fastify/fast-json-stringify-compiler'
import type { TSchema } from '@sinclair/typebox'
import type { ValidateFunction } from 'ajv'
import type { FastifySchemaCompiler, FastifySerializerCompiler } from 'fastify'
import { createAjv } from '../ajv.js'

// All routes share the schema of a failure, for a dozen statuses each: compiled one by one they took most of the start.
// By identity, so two schemas that look alike stay apart.
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
} as const

function validator (coerceTypes: boolean): (schema: TSchema) => ValidateFunction {
  const ajv = createAjv({ ...AJV_OPTIONS, coerceTypes })
  return once((schema) => ajv.compile(schema))
}

const exact = validator(false)
const converting = validator(true)

/** In a body a number is no string (A04); query and path are text, so their values are converted. */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) =>
  (httpPart === 'body' ? exact : converting)(schema)

const compileSerializer = createSerializerFactory()() as FastifySerializerCompiler<TSchema>
const serializer = once((schema) => compileSerializer({ schema, method: '', url: '' }))

export const serializerCompiler: FastifySerializerCompiler<TSchema> = ({ schema }) => serializer(schema)
