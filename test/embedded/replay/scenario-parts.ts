import { loadBaseConfig } from './load.js'
import { isJsonObject, type JsonObject } from './types.js'

const hookKey = 'dev-webhook-key-0123456789abcdef'
const identityTemplate =
  'function(ctx) { identity: { id: ctx.identity.id, traits: ctx.identity.traits, created_at: ctx.identity.created_at, updated_at: ctx.identity.updated_at } }'
const templates: Record<string, string> = {
  'whole context': 'function(ctx) ctx',
  cancel: 'function(ctx) error "cancel"',
}

export const base64Url = (text: string): string => `base64://${Buffer.from(text).toString('base64')}`

/**
 * `registration.after.password.hooks`: a web hook per argument, then `session`. The base hook's settings are the
 * default.
 */
export function hookConfig (...hooks: JsonObject[]): JsonObject {
  const list = hooks.map((own) => ({
    hook: 'web_hook',
    config: {
      url: 'http://127.0.0.1:18300/internal/auth/user-created',
      method: 'POST',
      auth: { type: 'api_key', config: { name: 'X-Webhook-Key', value: hookKey, in: 'header' } },
      ...own,
      body: base64Url(templates[String(own['body'])] ?? identityTemplate),
    },
  }))
  return {
    selfservice: { flows: { registration: { after: { password: { hooks: [...list, { hook: 'session' }] } } } } },
  }
}

export const codeRegistration: JsonObject = {
  selfservice: {
    methods: { code: { passwordless_enabled: true } },
    flows: { registration: { after: { code: { hooks: [{ hook: 'session' }] } } } },
  },
}

const claimsMapper = `local claims = std.extVar('claims');
{ identity: { traits: { [if 'email' in claims then 'email' else null]: claims.email } } }`

export const dummyProvider: JsonObject = {
  selfservice: {
    methods: {
      oidc: {
        enabled: true,
        config: {
          providers: [{
            id: 'dummy',
            label: 'Dummy',
            provider: 'generic',
            client_id: 'dummy-client',
            client_secret: 'dummy-secret',
            issuer_url: 'http://127.0.0.1:18455',
            mapper_url: base64Url(claimsMapper),
            scope: ['openid', 'email'],
          }],
        },
      },
    },
    flows: { registration: { after: { oidc: { hooks: [{ hook: 'session' }] } } } },
  },
}

/** The base schema with the additional traits of recording 16. */
export function widerSchema (): JsonObject {
  const { schema } = loadBaseConfig()
  const properties = schema['properties']
  const traits = isJsonObject(properties) ? properties['traits'] : undefined
  if (!isJsonObject(properties) || !isJsonObject(traits) || !isJsonObject(traits['properties'])) {
    throw new TypeError('the base schema has no traits')
  }
  const further: JsonObject = {
    age: { type: 'integer', minimum: 18, maximum: 120 },
    zip: { type: 'string', pattern: '^[0-9]{5}$' },
    plan: { type: 'string', enum: ['free', 'pro'] },
    tos: { type: 'boolean', const: true },
    web: { type: 'string', format: 'uri' },
    born: { type: 'string', format: 'date' },
    phone: { type: 'string', format: 'tel' },
    tags: { type: 'array', items: { type: 'string' }, minItems: 1, maxItems: 2, uniqueItems: true },
    step: { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 100, multipleOf: 5 },
  }
  return {
    ...schema,
    properties: { ...properties, traits: { ...traits, properties: { ...traits['properties'], ...further } } },
  }
}
