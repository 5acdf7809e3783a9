import type { IdentitySchema } from '../../identity/schemas.js'
import { asObject, type JsonObject } from '../../json.js'
import { MESSAGES, type UiMessage } from '../../ui/message.js'

const isIdentifier = (credentials: JsonObject): boolean =>
  ['password', 'webauthn', 'code'].some((type) => asObject(credentials[type])['identifier'] === true) ||
  asObject(credentials['passkey'])['display_name'] === true || asObject(credentials['totp'])['account_name'] === true

/** The title of the only trait that is an identifier, or "ID" if there are several. */
export function identifierLabel ({ fields }: IdentitySchema): UiMessage {
  const identifiers = fields.filter(({ schema }) =>
    isIdentifier(asObject(asObject(schema['ory.sh/kratos'])['credentials'])),
  )
  const [only] = identifiers
  const title = only?.schema['title']
  return identifiers.length === 1 && typeof title === 'string' && title !== ''
    ? MESSAGES.traitLabel(title, only?.path ?? '')
    : MESSAGES.identifier()
}
