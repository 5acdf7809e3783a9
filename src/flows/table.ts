import { Type, type TObject } from '@sinclair/typebox'
import { serviceError } from '../errors.js'
import type { FlowName } from '../kratos-client/caller.js'
import type { JsonObject } from '../kratos-client/kratos-body.js'
import { MAX_PASSWORD_LENGTH, UuidSchema } from '../schemas/flow.js'
import type { TraitPointers } from '../kratos-client/traits.js'
import { flatLogin, flatRegistration, genericBody, memberWithNul, withoutBlankTraits } from './body.js'

export interface FlowDefinition {
  name: FlowName
  /** Its submits can guess passwords, codes or names without a session: they have budgets (G05). */
  isThrottled: boolean
  /** Sizes and types of what a submit may hold; presence is Kratos' judgement, `flow_id` excepted. */
  bodySchema: TObject
  /** What goes to Kratos for a body without `method`, in flows that have such a form. */
  flatBody?: (body: JsonObject, traits: TraitPointers) => JsonObject
}

const text = (maxLength: number) => Type.Optional(Type.String({ maxLength }))
const object = () => Type.Optional(Type.Object({}, { additionalProperties: true }))

/** Sizes and types for any method, so that nothing odd reaches Kratos; members we do not know pass as they are. */
const COMMON = {
  flow_id: UuidSchema,
  method: text(64),
  csrf_token: text(1024),
  transient_payload: object(),
  upstream_parameters: Type.Optional(Type.Record(Type.String(), Type.String({ maxLength: 1024 }))),
  traits: object(),
  password: text(MAX_PASSWORD_LENGTH),
  code: text(256),
  email: text(320),
}

/** No method of Kratos takes a list as a top-level member of its body (A04). */
const NO_LIST = Type.Unsafe({ type: ['string', 'number', 'boolean', 'object', 'null'] })

const body = (properties: Record<string, ReturnType<typeof text>> = {}) =>
  Type.Object({ ...COMMON, ...properties }, { additionalProperties: NO_LIST })

export const FLOWS: readonly FlowDefinition[] = [
  {
    name: 'registration',
    isThrottled: true,
    bodySchema: body({ first_name: text(256), last_name: text(256), username: text(256) }),
    flatBody: flatRegistration,
  },
  { name: 'login', isThrottled: true, bodySchema: body({ identifier: text(320) }), flatBody: flatLogin },
  { name: 'recovery', isThrottled: true, bodySchema: body() },
  { name: 'verification', isThrottled: true, bodySchema: body() },
  { name: 'settings', isThrottled: false, bodySchema: body() },
]

/** Built anew from what was checked, never the client's bytes. @throws ServiceError for text with a NUL */
export function kratosBody ({ flatBody }: FlowDefinition, body: JsonObject, traits: TraitPointers): JsonObject {
  const given = body['method'] === undefined && flatBody !== undefined ? flatBody(body, traits) : genericBody(body)
  const sent = withoutBlankTraits(given)
  const odd = memberWithNul(sent)
  if (odd !== undefined) {
    throw serviceError('VALIDATION_ERROR', {
      fields: [{ path: `/${odd.replaceAll('\0', '')}`, message: 'must not contain NUL' }],
    })
  }
  return sent
}
