import { isDeepStrictEqual } from 'node:util'
import { asObject, valueAt, type JsonObject } from '../json.js'
import { NIL_UUID } from '../random.js'
import type { Identity } from './identity.js'
import type { IdentitySchema } from './schemas.js'
import { FormError, violations } from './validation.js'
import { MESSAGES } from '../ui/message.js'
import { extensionErrors } from './extension-errors.js'

interface MarkedTrait {
  value: string
  extension: JsonObject
}

/** Existing traits with `ory.sh/kratos`, in the order of the schema. */
function markedTraits (identity: Identity, schema: IdentitySchema): MarkedTrait[] {
  const byPath = new Map(schema.fields.map((field) => [field.path, field]))
  const paths = [...new Set([...schema.keys, ...byPath.keys()])]
  return paths.flatMap((path) => {
    const extension = asObject(byPath.get(path)?.schema['ory.sh/kratos'])
    const value = valueAt({ traits: identity.traits }, path)
    return Object.keys(extension).length === 0 || value === undefined || value === null
      ? []
      : [{ value: String(value), extension }]
  })
}

/** Values of the traits whose `ory.sh/kratos` matches. */
export const markedValues = (
  identity: Identity,
  schema: IdentitySchema,
  isWanted: (extension: JsonObject) => boolean,
): string[] =>
  markedTraits(identity, schema)
    .filter(({ extension }) => isWanted(extension))
    .map(({ value }) => value)

const CREDENTIAL_TYPES = ['password', 'webauthn', 'code'] as const

/**
 * Checks the traits against the schema and derives what `ory.sh/kratos` marks in it: identifiers of credentials,
 * verifiable and recovery addresses. Identifiers and e-mail addresses are compared in lower case.
 * @throws FormError with one message per violated rule
 */
export function validateIdentity (identity: Identity, schema: IdentitySchema, now: number): void {
  const root = { traits: identity.traits }
  const addresses = extensionErrors(schema, root).map(({ path, format, value }) => ({
    path,
    message: format === 'email' ? MESSAGES.email(value) : MESSAGES.phone(value),
  }))
  const messages = [...violations(schema.document, root), ...addresses]
  if (messages.length > 0) throw new FormError(messages)
  const traits = markedTraits(identity, schema)
  for (const type of CREDENTIAL_TYPES) deriveCredential(identity, type, traits, now)
  identity.verifiableAddresses = unique(
    traits.flatMap(({ value, extension }) => addressOf(value, asObject(extension['verification'])['via'])),
  ).map(
    (address) =>
      identity.verifiableAddresses.find((old) => old.value === address.value && old.via === address.via) ?? {
        ...NOT_STORED,
        ...address,
        verified: false,
        status: 'pending' as const,
      },
  )
  identity.recoveryAddresses = unique(
    traits.flatMap(({ value, extension }) => addressOf(value, asObject(extension['recovery'])['via'])),
  ).map(
    (address) =>
      identity.recoveryAddresses.find((old) => old.value === address.value && old.via === address.via) ?? {
        ...NOT_STORED,
        ...address,
      },
  )
}

/** Storing an address sets its id and times (recording 75). */
const NOT_STORED = { id: NIL_UUID, createdAt: 0, updatedAt: 0 }

interface Address {
  value: string
  via: string
}

const addressOf = (value: string, via: unknown): Address[] =>
  typeof via === 'string' && via !== ''
    ? [{ via, value: via === 'email' ? value.trim().toLowerCase() : value.trim() }]
    : []

const unique = (addresses: Address[]): Address[] =>
  addresses.filter(
    (address, at) => addresses.findIndex((other) => other.value === address.value && other.via === address.via) === at,
  )

function deriveCredential (
  identity: Identity,
  type: (typeof CREDENTIAL_TYPES)[number],
  traits: MarkedTrait[],
  now: number,
): void {
  const marked = traits.filter(
    ({ extension }) => asObject(asObject(extension['credentials'])[type])['identifier'] === true,
  )
  if (marked.length === 0) {
    if (identity.credentials[type] !== undefined) identity.credentials[type].identifiers = []
    return
  }
  const old = identity.credentials[type]
  const identifiers = [...new Set(marked.map(({ value }) => value.trim().toLowerCase()))]
  const config = type === 'code' ? { addresses: codeAddresses(marked) } : (old?.config ?? {})
  // Unchanged credentials keep their times (recording 80).
  if (old !== undefined && isDeepStrictEqual([old.identifiers, old.config], [identifiers, config])) return
  identity.credentials[type] = {
    type,
    identifiers,
    config,
    version: type === 'code' ? 1 : (old?.version ?? 0),
    createdAt: old?.createdAt ?? now,
    updatedAt: now,
  }
}

function codeAddresses (marked: MarkedTrait[]): JsonObject[] {
  const addresses = marked.map(({ value, extension }) => {
    const channel = asObject(asObject(extension['credentials'])['code'])['via'] ?? 'email'
    return { channel, address: channel === 'email' ? value.trim().toLowerCase() : value.trim() }
  })
  return addresses.sort((left, right) => left.address < right.address ? -1 : 1)
}
