import { firstJson } from '../go/json.js'
import { goForm, QueryError } from '../go/query.js'
import { plainNumber } from '../go/text.js'
import { badRequest, plainError } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import { ensureValid, formError } from '../identity/validation.js'
import { isObject, setAt, valueAt, type Json, type JsonObject } from '../json.js'
import { documentOf, rootOf } from '../json-schema/document.js'
import { fieldsOf, type SchemaField } from '../json-schema/fields.js'

/** The fields of one method's submit, as JSON schema of an object. */
export type FormSchema = JsonObject

/** Kratos reads fields of a schema that contains itself down to this depth. */
const MAX_RECURSION = 5
const fieldsBySchema = new WeakMap<FormSchema, SchemaField[]>()

function fields (schema: FormSchema): SchemaField[] {
  const known = fieldsBySchema.get(schema) ?? fieldsOf(rootOf(documentOf(schema)), MAX_RECURSION)
  fieldsBySchema.set(schema, known)
  return known
}

/** Form fields by name; a name can occur several times. */
type Values = Map<string, Json[]>

const CONTENT_TYPES = ['multipart/form-data', 'application/x-www-form-urlencoded', 'application/json']

/** How fields may be sent. */
export interface FormSource {
  /** A GET may have fields in its query. */
  allowGet?: boolean
  /** HTTP methods that the error message lists; default POST, PUT and PATCH. */
  methods?: string[]
  /** A POST may also have fields in its query. They override JSON fields; form fields override them. */
  withQuery?: boolean
}

/**
 * Reads a submit as Kratos does. JSON is flattened to a form first, so `traits` may be an object or dotted keys. Each
 * field gets the type that the schema says.
 * @returns the fields that the schema knows; object fields are always there
 * @throws ApiError 400 when the body cannot be read (message 4000001)
 */
export function readForm (
  ex: Exchange,
  schema: FormSchema,
  { allowGet = false, methods = ['POST', 'PUT', 'PATCH'], withQuery = false }: FormSource = {},
): JsonObject {
  if (ex.method === 'GET' && !allowGet) {
    throw badRequest(
      `Unable to decode body because HTTP Request Method was "GET" but only [${methods.join(' ')}] are supported.`,
    )
  }
  return decoded(withQuery ? valuesWithQuery(ex) : submittedValues(ex), schema, isJsonBody(ex))
}

const isJsonBody = ({ headers }: Exchange): boolean =>
  (headers.get('content-type') ?? '').startsWith('application/json')

function valuesWithQuery (ex: Exchange): Values {
  const values = submittedValues(ex)
  if (ex.method === 'GET') return values
  const isJson = isJsonBody(ex)
  for (const [name, sent] of grouped(ex.query)) values.set(name, isJson ? sent : [...values.get(name) ?? [], ...sent])
  return values
}

function decoded (values: Values, schema: FormSchema, isJson: boolean): JsonObject {
  const form: JsonObject = {}
  for (const field of fields(schema)) {
    const sent = values.get(field.path)
    const value = sent === undefined ? undefined : typed(field, sent, isJson)
    if (value !== undefined) setAt(form, field.path, value)
  }
  for (const { path, isComposite } of fields(schema)) {
    if (isComposite && valueAt(form, path) === undefined) setAt(form, path, {})
  }
  return form
}

/** @throws FormError with one message per violated rule of the schema */
export const validateForm = (form: JsonObject, schema: FormSchema): void => ensureValid(schema, form)

/** One text field of a submit, which may be a GET; empty if missing. @throws ApiError as `readForm` */
export const submittedField = (ex: Exchange, name: string): string => {
  const value = submittedValues(ex).get(name)?.[0]
  return value === undefined ? '' : asText(value)
}

/** The `method` of a submit. @throws ApiError as `readForm` */
export const submittedMethod = (ex: Exchange): string => submittedField(ex, 'method')

/** For a required field that the schema cannot require. */
export const requiredError = formError

function submittedValues (ex: Exchange): Values {
  if (ex.method === 'GET' || ex.method === 'HEAD') return grouped(ex.query)
  if (ex.body.kind === 'too-large') throw plainError('unable to read body: http: request body too large')
  const type = (ex.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  if (isBodyless(ex)) {
    throw badRequest('Unable to decode HTTP Request Body because its HTTP Header "Content-Length" is zero.')
  }
  if (!CONTENT_TYPES.includes(type)) {
    throw badRequest(
      `HTTP ${ex.method} Request used unknown HTTP Header "Content-Type: ${
        ex.headers.get('content-type') ?? ''
      }", only [${CONTENT_TYPES.join(' ')}] are supported.`,
    )
  }
  if (type === 'application/json') return flattened(parsed(ex.body.bytes.toString()))
  return type === 'multipart/form-data' ? new Map() : grouped(formFields(ex.method, ex.body.bytes.toString()))
}

/** Without length and without chunks. */
const isBodyless = ({ headers }: Exchange): boolean =>
  (headers.get('content-length') ?? (headers.get('transfer-encoding') === undefined ? '0' : '')) === '0'

function grouped (parameters: URLSearchParams): Values {
  const values: Values = new Map()
  for (const name of new Set(parameters.keys())) values.set(name, parameters.getAll(name))
  return values
}

/** @throws ApiError 400 (message 4000001) */
function formFields (method: string, body: string): URLSearchParams {
  try {
    return goForm(body)
  } catch (error) {
    if (!(error instanceof QueryError)) throw error
    throw badRequest(`Unable to decode HTTP ${method} form body: ${error.message}`)
  }
}

function parsed (body: string): Json {
  try {
    return firstJson(body) as Json
  } catch (error) {
    throw badRequest('Unable to decode form as JSON.', { message: String(error) })
  }
}

const JSON_TYPES: Record<string, string> = { string: 'String', number: 'Number' }

/** The name of a JSON type in Kratos' message. */
function jsonType (value: Json): string {
  if (value === null) return 'Null'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return JSON_TYPES[typeof value] ?? 'JSON'
}

function flattened (body: Json): Values {
  if (!isObject(body)) {
    throw badRequest(`Expected JSON sent in request body to be an object but got: ${jsonType(body)}`)
  }
  return new Map(Object.entries(body).map(([name, value]) => [name, [value]]))
}

/** A JSON value as form text: null is empty, objects and arrays are JSON. */
const asText = (value: Json): string => {
  if (typeof value === 'number') return plainNumber(value)
  return value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value)
}

/** Go's ParseFloat: no blanks, but underscores between digits. */
const DIGITS = String.raw`\d(?:_?\d)*`
const FLOAT = new RegExp(`^[+-]?(?:${DIGITS}(?:\\.(?:${DIGITS})?)?|\\.${DIGITS})(?:e[+-]?${DIGITS})?$`, 'i')
function asNumber (text: string): Json {
  const number = FLOAT.test(text) ? Number(text.replaceAll('_', '')) : Number.NaN
  return Number.isFinite(number) ? number : text
}
const BOOLEANS = new Map<string, boolean>([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((text) => [text, false] as const),
])
const asBoolean = (text: string): Json => BOOLEANS.get(text) ?? text

/** An object that was sent as text. @throws ApiError with the message of Go's decoder (tried on v26.2.0) */
function parsedField (text: string, isJson: boolean): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    const why = `invalid character '${text.slice(0, 1)}' looking for beginning of value`
    throw isJson ? plainError(why) : badRequest(`Unable to decode JSON payload: ${why}`)
  }
}

/** The value in the type of its field; undefined when an empty value counts as missing. */
function typed (field: SchemaField, sent: Json[], isJson: boolean): Json | undefined {
  const first = asText(sent[0] ?? null)
  const last = asText(sent.at(-1) ?? null)
  switch (field.kind) {
    case 'string':
      return first === '' ? undefined : first
    case 'number':
      return first === '' ? (field.required ? 0 : undefined) : asNumber(first)
    case 'boolean':
      return last === '' ? (field.required ? false : undefined) : asBoolean(last)
    case 'numbers':
      return sent.map((value) => asNumber(asText(value)))
    case 'booleans':
      return sent.map((value) => asBoolean(asText(value)))
    case 'strings':
    case 'array':
      return sent.map(asText)
    case 'unknown':
      return undefined
    case 'object':
      return first === '' ? undefined : isObject(sent[0]) ? sent[0] : parsedField(first, isJson)
  }
}
