import { Type } from '@sinclair/typebox'

/** Only the canonical form passes, in either case (A20, A22); handlers lower-case it before use. */
export const UuidSchema = Type.String({
  pattern: '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$',
})

/** Longest password we pass on; Kratos' hashers have limits of their own (A34). */
export const MAX_PASSWORD_LENGTH = 1024

export const FlowQuerySchema = Type.Object({
  type: Type.Optional(Type.Union([Type.Literal('api'), Type.Literal('browser')])),
  return_to: Type.Optional(Type.String({ maxLength: 2048 })),
  refresh: Type.Optional(Type.Union([Type.Literal('true'), Type.Literal('false')])),
  aal: Type.Optional(Type.Union([Type.Literal('aal1'), Type.Literal('aal2')])),
}, { additionalProperties: true })

export const SubmitQuerySchema = Type.Object({
  transport: Type.Optional(Type.Union([Type.Literal('token'), Type.Literal('cookie')])),
  flow: Type.Optional(UuidSchema),
  flow_id: Type.Optional(UuidSchema),
}, { additionalProperties: true })

/** Kratos' own JSON; its shape is Kratos' business. */
export const KratosObjectSchema = Type.Object({}, { additionalProperties: true })
