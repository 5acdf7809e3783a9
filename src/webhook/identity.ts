import { Type, type Static } from '@sinclair/typebox'
import { CLEAN_TEXT } from '../schemas/text.js'
import { NIL_UUID } from '../kratos-client/kratos-body.js'
import { UUID } from '../patterns.js'

const trait = (maxLength: number) =>
  Type.Optional(Type.Union([Type.String({ maxLength, pattern: CLEAN_TEXT }), Type.Null()]))

const TraitsSchema = Type.Object({
  email: trait(320),
  first_name: trait(256),
  last_name: trait(256),
  username: trait(256),
}, { additionalProperties: true })

const TimeSchema = Type.String({
  maxLength: 40,
  pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(?:\\.\\d{1,9})?(?:Z|[+-]\\d{2}:\\d{2})$',
})

export const WebhookBodySchema = Type.Object({
  identity: Type.Object({
    id: Type.String({
      pattern: `^(?!${NIL_UUID})${UUID}$`,
    }),
    traits: TraitsSchema,
    created_at: Type.Optional(TimeSchema),
    updated_at: Type.Optional(TimeSchema),
  }, { additionalProperties: true }),
}, { additionalProperties: true })

export type WebhookIdentity = Static<typeof WebhookBodySchema>['identity']
