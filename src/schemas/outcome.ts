import { Type, type TSchema } from '@sinclair/typebox'
import { NEXT, type Next } from '../flows/outcome.js'
import { ErrorSchema } from './envelope.js'
import { DONE_MEMBERS, FLOW_MEMBERS } from './kratos.js'

const GOING_ON = {
  flow_id: Type.Optional(Type.String({ description: 'the flow to go on with; absent: GET `start`' })),
  start: Type.Optional(Type.String({ description: 'path that starts it' })),
}

export const FormErrorSchema = Type.Object({
  field: Type.Union([Type.String(), Type.Null()], { description: 'name of the field; null: the whole form' }),
  code: Type.String({ description: 'stable name of the kind of complaint' }),
  id: Type.Number({ description: "Kratos' id of the message" }),
  text: Type.String({ description: 'words for people' }),
  context: Type.Object({}, { additionalProperties: true, description: 'what belongs into a translated text' }),
})

const COMPANIONS: Record<Next, Record<string, TSchema>> = {
  done: DONE_MEMBERS,
  form: {
    ...FLOW_MEMBERS,
    field_errors: Type.Record(Type.String(), Type.Array(Type.String()), { description: 'error messages by node name' }),
    errors: Type.Array(FormErrorSchema, { description: 'all complaints, for people and for translation' }),
    sent: Type.Boolean({ description: 'whether a code or link was sent and is awaited' }),
  },
  restart: GOING_ON,
  redirect: { redirect_browser_to: Type.String() },
  step_up: GOING_ON,
  reauthenticate: GOING_ON,
  verify: GOING_ON,
  settings: GOING_ON,
  already_logged_in: {},
}

export const OutcomeSchema = Type.Union(
  NEXT.map((next) => Type.Object({ next: Type.Literal(next), ...COMPANIONS[next] }, { additionalProperties: true })),
  { title: 'Outcome' },
)

const open = { additionalProperties: true }

const kratosObject = (description: string) => Type.Object({}, { ...open, description })

/** The same in a tenth of the words, for a host's document: every member but `next` is optional. */
export const ShortOutcomeSchema = Type.Composite([
  Type.Object({ next: Type.Unsafe<Next>({ type: 'string', enum: NEXT }) }),
  Type.Partial(Type.Object({
    ...Object.assign({}, ...Object.values(COMPANIONS)) as Record<string, TSchema>,
    ui: kratosObject("Kratos' form: action, method, nodes, messages"),
    session: kratosObject("Kratos' session"),
    identity: kratosObject("Kratos' identity"),
  })),
], open)

/** A flow step that failed: the error envelope with `next` and those of its companions that are known, at top level. */
export const FailedStepSchema = Type.Intersect([
  ErrorSchema,
  Type.Union(NEXT.map((next) =>
    Type.Composite([Type.Object({ next: Type.Literal(next) }), Type.Partial(Type.Object(COMPANIONS[next]))], open))),
], { title: 'FailedStep' })
