import { STATUS_CODES } from 'node:http'
import type { SwaggerOptions } from '@fastify/swagger'
import { ERROR_CODES, errorStatus } from '../../errors.js'
import { isRecord } from '../../kratos-client/kratos-body.js'
import type { AuthSettings } from '../../settings.js'
import { WEBHOOK_KEY_HEADER } from '../../webhook/key.js'

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
  metricsToken: { type: 'http' as const, scheme: 'bearer', description: 'METRICS_TOKEN' },
})

const TAGS = [
  { name: 'flows', description: 'Registration, login, recovery, verification and settings, step by step' },
  { name: 'session', description: 'Who is logged in, devices, logout, the account' },
  { name: 'documents', description: 'The protected example' },
  { name: 'internal', description: 'For Kratos, not for browsers' },
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

function descriptionOf (status: string): string {
  const codes = ERROR_CODES.filter((code) => String(errorStatus(code)) === status)
  return [STATUS_CODES[status] ?? status, codes.join(', ')].filter((part) => part !== '').join(': ')
}

interface Operation {
  responses: Record<string, { description: string }>
}

function finished (document: Record<string, unknown>): Record<string, unknown> {
  const schemas: Record<string, unknown> = {}
  const paths = withReferences(document['paths'], schemas) as Record<string, Record<string, Operation>>
  for (const { responses } of Object.values(paths).flatMap((path) => Object.values(path))) {
    for (const [status, response] of Object.entries(responses)) {
      if (response.description === 'Default Response') response.description = descriptionOf(status)
    }
  }
  return { ...document, components: { ...document['components'] as object, schemas }, paths }
}

/** The document is made of the schemas that the routes are checked by. */
export function openapiOptions (settings: AuthSettings): SwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'fastify-kratos',
        description: 'Authentication by Ory Kratos behind one API',
        version: API_VERSION,
      },
      servers: settings.baseUrl === undefined ? [] : [{ url: settings.baseUrl }],
      tags: TAGS,
      components: { securitySchemes: securitySchemes(settings) },
    },
    convertConstToEnum: false,
    // A route without a summary is not for clients: preflights, Kratos' own API. The index of a folder answers with and
    // without a slash at its end.
    transform: ({ schema, url }) => ({
      schema: { ...schema, hide: schema?.summary === undefined },
      url: url.replace(/(?<=.)\/$/, ''),
    }),
    transformObject: (document) =>
      'openapiObject' in document ? finished(document.openapiObject as Record<string, unknown>) : {},
  }
}
