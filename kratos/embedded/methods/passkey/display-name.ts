import { plainError } from '../../http/errors.js'
import { markedValues } from '../../identity/extensions.js'
import type { Identity } from '../../identity/identity.js'
import type { IdentitySchema } from '../../identity/schemas.js'
import { asObject, type JsonObject } from '../../json.js'

const isDisplayName = (extension: JsonObject): boolean =>
  asObject(asObject(extension['credentials'])['passkey'])['display_name'] === true
const isKeyIdentifier = (extension: JsonObject): boolean =>
  asObject(asObject(extension['credentials'])['webauthn'])['identifier'] === true

/** How a person finds the passkey among others: the trait that the schema marks for it; empty if there is none. */
export const displayName = (identity: Identity, schema: IdentitySchema): string =>
  markedValues(identity, schema, isDisplayName).at(-1) ??
    markedValues(identity, schema, isKeyIdentifier).at(-1)?.toLowerCase() ?? ''

/**
 * The field of a sign-up form that has this name. Kratos looks for it by the title of the only marked trait, and only
 * among the traits of the first level.
 * @throws ApiError 500 when there is none (tried on v26.2.0)
 */
export function displayNameField ({ fields, document }: IdentitySchema): string {
  const titles = fields.map(({ schema }) => schema)
    .filter((schema) => [isDisplayName, isKeyIdentifier].some((isMarked) => isMarked(asObject(schema['ory.sh/kratos']))))
    .map((schema) => schema['title'])
    .filter((title) => typeof title === 'string' && title !== '')
  const wanted = titles.length === 1 ? titles[0] : ''
  const traits = asObject(asObject(asObject(document['properties'])['traits'])['properties'])
  const name = Object.keys(traits).find((key) => (asObject(traits[key])['title'] ?? '') === wanted)
  if (name === undefined) throw plainError('no identifier found')
  return `traits.${name}`
}
