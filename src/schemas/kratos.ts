import { Type } from '@sinclair/typebox'

const open = { additionalProperties: true }

const Message = Type.Object({
  id: Type.Number({ description: "Kratos' number of the message" }),
  text: Type.String(),
  type: Type.String({ description: 'info, error or success' }),
}, { ...open, title: 'KratosMessage' })

const Node = Type.Object({
  type: Type.String({ description: 'input, img, a, script, text or div' }),
  group: Type.String({ description: 'the method it belongs to, or default' }),
  attributes: Type.Object({}, { ...open, description: 'name, type, value and the like, by type of node' }),
  messages: Type.Array(Message),
  meta: Type.Object({ label: Type.Optional(Message) }, open),
}, { ...open, title: 'KratosNode' })

/** Members of Kratos' flow that a client uses. Answers pass as Kratos gave them: this describes, and checks nothing. */
export const FLOW_MEMBERS = {
  id: Type.Optional(Type.String({ description: 'id of the flow: `flow_id` of the next step' })),
  expires_at: Type.Optional(Type.String({ description: 'RFC 3339' })),
  state: Type.Optional(Type.String({ description: 'where a flow of several steps is, such as sent_email' })),
  ui: Type.Optional(Type.Object({
    action: Type.String(),
    method: Type.String(),
    nodes: Type.Array(Node),
    messages: Type.Optional(Type.Array(Message)),
  }, { ...open, title: 'KratosForm' })),
}

const Identity = Type.Object({
  id: Type.String(),
  traits: Type.Object({}, { ...open, description: "by the identity's schema" }),
}, { ...open, title: 'KratosIdentity' })

/** What a finished flow may show beside `next`. */
export const DONE_MEMBERS = {
  session: Type.Optional(Type.Object({
    id: Type.String(),
    active: Type.Optional(Type.Boolean()),
    expires_at: Type.Optional(Type.String({ description: 'RFC 3339' })),
    identity: Type.Optional(Type.Union([Identity, Type.Null()])),
  }, { ...open, title: 'KratosSession' })),
  session_token: Type.Optional(Type.String({ description: 'with transport=token only' })),
  identity: Type.Optional(Identity),
}
