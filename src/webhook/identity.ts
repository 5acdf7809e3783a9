import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { CLEAN_TEXT } from '../schemas/text.js'
import type { JsonObject } from '../kratos-client/kratos-body.js'
import { NIL_UUID } from '../kratos-client/kratos-body.js'
import { UUID } from '../patterns.js'
import { FLAT_NAMES, type FlatName, segmentsOf, TRAIT_OF, type TraitPointers } from '../kratos-client/traits.js'

const MAX_LENGTH: Record<FlatName, number> = { email: 320, first_name: 256, last_name: 256, username: 256 }

const leaf = (name: FlatName): TSchema =>
  Type.Union([Type.String({ maxLength: MAX_LENGTH[name], pattern: CLEAN_TEXT }), Type.Null()])

/** Wants nothing of what a pointer leads through, but that its end is text which a column takes. */
const within = ([name, ...rest]: string[], end: TSchema): TSchema => {
  if (name === undefined) return end
  const inner = within(rest, end)
  return Type.Unsafe(name === '0' ? { items: inner } : { properties: { [name]: inner } })
}

const traitsSchema = (pointers: TraitPointers): TSchema =>
  Type.Unsafe<JsonObject>({
    type: 'object',
    additionalProperties: true,
    allOf: FLAT_NAMES.map((name) => within(segmentsOf(pointers[TRAIT_OF[name]]), leaf(name))),
  })

const TimeSchema = Type.String({
  maxLength: 40,
  pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(?:\\.\\d{1,9})?(?:Z|[+-]\\d{2}:\\d{2})$',
})

export const webhookBodySchema = (pointers: TraitPointers) => Type.Object({
  identity: Type.Object({
    id: Type.String({
      pattern: `^(?!${NIL_UUID})${UUID}$`,
    }),
    traits: Type.Unsafe<KnownTraits>(traitsSchema(pointers)),
    created_at: Type.Optional(TimeSchema),
    updated_at: Type.Optional(TimeSchema),
  }, { additionalProperties: true }),
}, { additionalProperties: true })

export type WebhookBody = Static<ReturnType<typeof webhookBodySchema>>
export type WebhookIdentity = WebhookBody['identity']

/** Each of them is text or null at the place of its default pointer, unless `traits` says that it is elsewhere. */
type KnownTraits = JsonObject & { [name in FlatName]?: string | null }
