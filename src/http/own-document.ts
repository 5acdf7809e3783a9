import type { FastifySchema, RouteOptions } from 'fastify'
import { ErrorSchema, success } from '../schemas/envelope.js'
import { OutcomeSchema, ShortOutcomeSchema } from '../schemas/outcome.js'
import { isRecord } from '../kratos-client/kratos-body.js'
import { WEBHOOK_KEY_HEADER } from '../webhook/key.js'

export interface DocumentOptions {
  cookieName: string
  /** false: no API document shows our routes. */
  openapi: boolean
}

type Documented = FastifySchema & { security?: Array<Record<string, string[]>>, summary?: string, hide?: boolean }
type Members = Record<string, unknown>

/** What @fastify/swagger hands to `config.swaggerTransform`, for a document of either version. */
interface TransformInput {
  schema?: Documented
  url: string
  openapiObject?: Members
  swaggerObject?: Members
}

const header = (name: string, description: string) => ({ type: 'apiKey', in: 'header', name, description })

/** By the names that the routes use; `ownName` keeps them apart from a host's. */
const schemes = (cookieName: string): Record<string, Members> => ({
  sessionCookie: { type: 'apiKey', in: 'cookie', name: cookieName, description: 'set by the flows' },
  sessionToken: header('X-Session-Token', 'session token of a native client; a session cookie wins'),
  bearerToken: { type: 'http', scheme: 'bearer', description: 'the same token; the other two win' },
  webhookKey: header(WEBHOOK_KEY_HEADER, 'where a caller cannot send Authorization'),
  webhookBearer: { type: 'http', scheme: 'bearer', description: 'which Kratos sends' },
})
/** Swagger 2 knows neither cookies nor Bearer. */
const IN_SWAGGER_2 = new Set(['sessionToken', 'webhookKey'])

const ownName = (name: string): string => `kratos${name[0]?.toUpperCase()}${name.slice(1)}`

function addSchemes (container: Members, member: string, cookieName: string, isKnown: (name: string) => boolean): void {
  const ours = Object.entries(schemes(cookieName)).filter(([name]) => isKnown(name))
  const theirs = isRecord(container[member]) ? container[member] : {}
  container[member] = { ...Object.fromEntries(ours.map(([name, scheme]) => [ownName(name), scheme])), ...theirs }
}

const FAILURE = {
  ...ErrorSchema,
  properties: { ...ErrorSchema.properties, code: { type: 'string', description: 'a stable name' } },
  description: 'An error; `code` says which, `error` says it to people',
}

const isFlowStep = (schema: unknown): boolean =>
  isRecord(schema) && isRecord(schema['properties']) && schema['properties']['data'] === OutcomeSchema

/** All failures as one `default`: a dozen statuses with one body each would be most of a host's document. */
function shortResponses (response: unknown): Members {
  const entries = Object.entries(isRecord(response) ? response : {}).filter(([status]) => /^[23]/.test(status))
  const described = entries.map(([status, schema]) => [status, {
    description: status.startsWith('2') ? 'Success' : 'Redirect',
    ...(isFlowStep(schema) ? success(ShortOutcomeSchema) : schema as Members),
  }])
  return { ...Object.fromEntries(described) as Members, default: FAILURE }
}

/** Shows a route in a host's API document complete in itself, or not at all, whatever the host transforms. */
export function documentOwnRoute (route: RouteOptions, { cookieName, openapi }: DocumentOptions): void {
  const schema = route.schema as Documented | undefined
  const isHidden = !openapi || schema?.summary === undefined
  if (isHidden) route.schema = { ...schema, hide: true } as FastifySchema

  function swaggerTransform ({ schema = {}, url, openapiObject, swaggerObject }: TransformInput) {
    if (isHidden) return { schema: { hide: true }, url }
    const { response, security = [], ...rest } = schema
    const isKnown = (name: string): boolean => openapiObject !== undefined || IN_SWAGGER_2.has(name)
    if (swaggerObject !== undefined) addSchemes(swaggerObject, 'securityDefinitions', cookieName, isKnown)
    if (openapiObject !== undefined) {
      const components = { ...openapiObject['components'] as Members | undefined }
      addSchemes(components, 'securitySchemes', cookieName, isKnown)
      openapiObject['components'] = components
    }
    const own = security.filter((scheme) => Object.keys(scheme).every(isKnown)).map((scheme) =>
      Object.fromEntries(Object.entries(scheme).map(([name, scopes]) => [ownName(name), scopes])),
    )
    return {
      schema: { ...rest, response: shortResponses(response), ...(own.length > 0 && { security: own }) },
      // The index of a folder answers with and without a slash at its end.
      url: url.replace(/(?<=.)\/$/, ''),
    }
  }
  route.config = { ...route.config, swaggerTransform } as RouteOptions['config'] & object
}
