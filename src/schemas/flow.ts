import { type Static, Type } from '@sinclair/typebox'
import { UUID } from '../patterns.js'

/** Canonical form in either case (A20, A22); handlers lower-case it before use. */
export const UuidSchema = Type.String({
  pattern: `^${UUID}$`,
})

/** Our limit; Kratos' hashers have their own (A34). */
export const MAX_PASSWORD_LENGTH = 1024

const text = (maxLength: number) => Type.Optional(Type.String({ maxLength }))

/** Kratos gets them as they are. */
const PARAMETERS = {
  return_to: text(2048),
  after_verification_return_to: text(2048),
  refresh: Type.Optional(Type.Union([Type.Literal('true'), Type.Literal('false')])),
  aal: Type.Optional(Type.Union([Type.Literal('aal1'), Type.Literal('aal2')])),
  via: text(320),
  identity_schema: text(256),
  return_session_token_exchange_code: Type.Optional(Type.Union([Type.Literal('true'), Type.Literal('false')])),
}

/** They change what a flow is for and are not built here: refused, never dropped. */
const NOT_BUILT = { login_challenge: Type.Optional(Type.Never()), organization: Type.Optional(Type.Never()) }

export const FlowQuerySchema = Type.Object({
  type: Type.Optional(Type.Union([Type.Literal('api'), Type.Literal('browser')])),
  method: Type.Optional(Type.String({
    maxLength: 64,
    description: 'the method it is for: oidc, saml and webauthn need a flow of type browser',
  })),
  ...PARAMETERS,
  ...NOT_BUILT,
}, { additionalProperties: true })

export const flowParameters = (query: Static<typeof FlowQuerySchema>): { [name in keyof typeof PARAMETERS]?: string } =>
  Object.fromEntries(Object.keys(PARAMETERS).map((name) => [name, query[name as keyof typeof PARAMETERS]]))

/** Where the session token goes: a browser's into the cookie, whatever it asks for. */
export const TransportQuerySchema = Type.Object({
  transport: Type.Optional(Type.Union([Type.Literal('token'), Type.Literal('cookie')])),
}, { additionalProperties: true })

export const SubmitQuerySchema = Type.Object({
  ...TransportQuerySchema.properties,
  flow: Type.Optional(UuidSchema),
  flow_id: Type.Optional(UuidSchema),
}, { additionalProperties: true })

export const KratosObjectSchema = Type.Object({}, { additionalProperties: true })
