import { formSchema } from '../../flow/form-schema.js'
import { readForm } from '../../flow/form.js'
import type { Exchange } from '../../http/exchange.js'
import type { IdentitySchema } from '../../identity/schemas.js'
import { asObject, type Json, type JsonObject } from '../../json.js'

const text = { type: 'string' }

const FIELDS: JsonObject = {
  properties: {
    csrf_token: text,
    provider: text,
    method: text,
    id_token: text,
    id_token_nonce: text,
    transient_payload: { type: 'object' },
    upstream_parameters: {
      type: 'object',
      properties: { login_hint: text, hd: text, prompt: text, auth_type: text, acr_values: text },
    },
  },
}

/** The form for signing in with a provider; it needs no CSRF token (docs/kratos-facts.md, section 9). */
export interface OidcForm {
  provider: string
  method: string
  idToken: string
  traits: JsonObject
  upstream: Json | undefined
  transientPayload: JsonObject
}

/** Fields are in the body or in the query. @throws ApiError when the body cannot be read */
export function readOidcForm (ex: Exchange, schema: IdentitySchema): OidcForm {
  const form = readForm(ex, formSchema(FIELDS, schema), { allowGet: true, withQuery: true })
  const value = (name: string): string => String(form[name] ?? '')
  return {
    provider: value('provider'),
    method: value('method'),
    idToken: value('id_token'),
    traits: asObject(form['traits']),
    upstream: form['upstream_parameters'],
    transientPayload: asObject(form['transient_payload']),
  }
}

/** Whether a provider is named and no other method. */
export const isMeant = ({ provider, method }: OidcForm): boolean =>
  provider !== '' && (method === '' || method.toLowerCase() === 'oidc')
