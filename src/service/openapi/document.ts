import { STATUS_CODES } from 'node:http'
import type { SwaggerOptions } from '@fastify/swagger'
import type { ErrorCode } from '../../errors.js'
import { isRecord } from '../../kratos-client/kratos-body.js'
import type { AuthSettings } from '../../settings.js'
import { UUID } from '../../patterns.js'
import { WEBHOOK_KEY_HEADER } from '../../webhook/key.js'
import { codesAt } from './codes.js'
import { OPERATIONS } from './operations.js'

/** That of package.json. */
export const API_VERSION = '0.1.0'

const apiKey = (place: 'cookie' | 'header', name: string, description: string) => ({
  type: 'apiKey' as const,
  in: place,
  name,
  description,
})

const securitySchemes = ({ cookieName }: AuthSettings) => ({
  sessionCookie: apiKey(
    'cookie',
    cookieName,
    'set by the flows; a state-changing request has to come from an allowed origin',
  ),
  sessionToken: apiKey('header', 'X-Session-Token', 'session token of a native client; a session cookie wins'),
  bearerToken: { type: 'http' as const, scheme: 'bearer', description: 'the same token; the other two win' },
  webhookKey: apiKey('header', WEBHOOK_KEY_HEADER, 'WEBHOOK_KEY, where a caller cannot send Authorization'),
  webhookBearer: { type: 'http' as const, scheme: 'bearer', description: 'WEBHOOK_KEY, which Kratos sends' },
  operatorKey: { type: 'http' as const, scheme: 'bearer', description: 'OPERATOR_KEY' },
  metricsToken: { type: 'http' as const, scheme: 'bearer', description: 'METRICS_TOKEN' },
})

const ABOUT = `Authentication by Ory Kratos behind one API.

Success is \`{"success":true,"data":…}\`, failure \`{"success":false,"error":"<text for people>","code":"<STABLE_CODE>"}\`. Where a session is refused (401, 403),
\`next\` says what to do, in the words of the flows, and \`start\` is the path of the flow that helps. Any request may also be
answered with 404, 405, 408, 431 or 500 in that form, and with 400, 413 or 415 for a body that nobody asked for.`

const TAGS = [
  { name: 'flows', description: 'Registration, login, recovery, verification and settings, step by step' },
  { name: 'session', description: 'Who is logged in, devices, logout, the account' },
  { name: 'documents', description: 'The protected example' },
  { name: 'internal', description: 'For Kratos and operators, not for browsers' },
  { name: 'operations', description: 'Health, metrics, this document' },
]

/** Each schema with a title once, under `components`: the error envelope alone stands in hundreds of answers. */
function withReferences (value: unknown, schemas: Record<string, unknown>): unknown {
  if (Array.isArray(value)) return value.map((member) => withReferences(member, schemas))
  if (!isRecord(value)) return value
  const members = Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, withReferences(member, schemas)]),
  )
  if (typeof value['title'] !== 'string') return members
  schemas[value['title']] ??= members
  return { $ref: `#/components/schemas/${value['title']}` }
}

interface Schema {
  type?: unknown
  title?: string
  pattern?: string
  properties?: Record<string, Schema>
}
type Content = Record<string, { schema: Schema, example?: unknown }>
interface Response {
  description: string
  headers?: Record<string, { description: string, schema: Schema }>
  content?: Content
}
interface Operation {
  operationId: string
  description?: string
  security?: Array<Record<string, string[]>>
  parameters?: unknown[]
  requestBody?: { content: Content }
  responses: Record<string, Response>
}

const header = (description: string) => ({ description, schema: { type: 'string' } })

/** By status; what stands in a header and nowhere else. */
const HEADERS: Record<string, Response['headers']> = {
  302: { Location: header('where the browser goes on') },
  401: { 'WWW-Authenticate': header('Bearer, with the realm of this API') },
  429: { 'Retry-After': header('seconds') },
  503: { 'Retry-After': header('seconds') },
}

/** The answer to a failure names the codes that this operation can have. */
function describeFailure (status: string, response: Response, codes: ErrorCode[]): void {
  response.description = `${STATUS_CODES[status] ?? status}: ${codes.join(', ')}`
  for (const content of Object.values(response.content ?? {})) {
    content.schema = { allOf: [content.schema, { properties: { code: { enum: codes } } }] } as Schema
  }
}

const setExample = (content: Content | undefined, example: unknown): void => {
  for (const media of Object.values(content ?? {})) if (example !== undefined) media.example = example
}

function describeOperation (operation: Operation): void {
  const { operationId, parameters = [], requestBody, responses } = operation
  operation.security ??= []
  const traits = {
    operationId,
    schemes: operation.security.flatMap(Object.keys),
    hasBody: requestBody !== undefined,
    hasInput: requestBody !== undefined || parameters.length > 0,
  }
  for (const [status, response] of Object.entries(responses)) {
    const codes = codesAt(status, traits)
    if (Number(status) < 400) response.description = STATUS_CODES[status] ?? status
    else if (codes.length === 0) delete responses[status]
    else describeFailure(status, response, codes)
    if (HEADERS[status] !== undefined) response.headers = HEADERS[status]
  }
  const { description, body, answer } = OPERATIONS[operationId] ?? { description: '' }
  operation.description = description
  setExample(requestBody?.content, body)
  setExample((responses['200'] ?? responses['201'])?.content, answer)
}

// For generators in other languages: a UUID by its format, no pattern that only the `u` flag makes readable, and a
// member of any type as the empty schema.
function simplified (value: unknown): unknown {
  if (Array.isArray(value)) return value.map(simplified)
  if (!isRecord(value)) return value
  const { pattern, ...rest } = value
  if (pattern === `^${UUID}$`) return { ...rest, format: 'uuid' }
  if (typeof pattern === 'string' && pattern.includes('\\u{')) return rest
  if (Array.isArray(value['type']) && value['type'].includes('object')) return {}
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, simplified(member)]))
}

function finished (document: Record<string, unknown>): Record<string, unknown> {
  const schemas: Record<string, unknown> = {}
  const paths = withReferences(simplified(document['paths']), schemas) as Record<string, Record<string, Operation>>
  for (const operation of Object.values(paths).flatMap((path) => Object.values(path))) describeOperation(operation)
  // Each answer has the codes that it can be.
  const { properties } = schemas['Error'] as Schema
  if (properties !== undefined) properties['code'] = { type: 'string' }
  return { ...document, components: { ...document['components'] as object, schemas }, paths }
}

/** A value with a default need not be sent, though the checked request always has it. */
function withoutDefaulted (schema: unknown): unknown {
  if (!isRecord(schema) || !isRecord(schema['properties']) || !Array.isArray(schema['required'])) return schema
  const { properties } = schema
  const hasDefault = (name: unknown): boolean => {
    const member = properties[String(name)]
    return isRecord(member) && member['default'] !== undefined
  }
  const required = schema['required'].filter((name) => !hasDefault(name))
  return { ...schema, required: required.length > 0 ? required : undefined }
}

/** The document is made of the schemas that the routes are checked by. */
export function openapiOptions (settings: AuthSettings): SwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'fastify-kratos',
        description: ABOUT,
        version: API_VERSION,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: settings.baseUrl === undefined ? [] : [{ url: settings.baseUrl }],
      tags: TAGS,
      components: { securitySchemes: securitySchemes(settings) },
    },
    convertConstToEnum: false,
    // A route without a summary is not for clients: preflights, Kratos' own API. The index of a folder answers with and
    // without a slash at its end.
    transform: ({ schema, url }) => ({
      schema: {
        ...schema,
        ...(schema?.querystring !== undefined && { querystring: withoutDefaulted(schema.querystring) }),
        ...(schema?.body !== undefined && { body: withoutDefaulted(schema.body) }),
        hide: schema?.summary === undefined,
      },
      url: url.replace(/(?<=.)\/$/, ''),
    }),
    transformObject: (document) =>
      'openapiObject' in document ? finished(document.openapiObject as Record<string, unknown>) : {},
  }
}
