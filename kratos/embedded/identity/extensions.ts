import { isDeepStrictEqual } from 'node:util'
import { asObject, type Json, type JsonObject } from '../json.js'
import { goQuoted, goText } from '../go/text.js'
import { documentOf, rootOf } from '../json-schema/document.js'
import { isEmail, isPhone } from '../json-schema/formats.js'
import type { Problem } from '../json-schema/problem.js'
import { check, type Visit } from '../json-schema/validate.js'
import { phoneProblem } from '../json-schema/phone.js'
import { NIL_UUID } from '../random.js'
import type { Identity } from './identity.js'
import { codeAddress, lowered, trimmed } from './normalization.js'
import type { IdentitySchema } from './schemas.js'
import { fieldMessages, FormError } from './validation.js'

export const EXTENSION = 'ory.sh/kratos'

interface Address {
  value: string
  via: string
}

/** What the schema's marks say about an identity. */
interface Marks {
  identifiers: { password: string[], webauthn: string[], code: string[] }
  codeAddresses: Address[]
  verifiable: Address[]
  recovery: Address[]
}

type Mark = (visit: Visit, extension: JsonObject, marks: Marks) => Problem | undefined

const problemAt = ({ instance, rule }: Visit, part: string, text: string): Problem =>
  ({ instance, rule: part === '' ? rule : `${rule}/${part}`, text, causes: [] })

const isIdentifier = (extension: JsonObject, type: string): boolean =>
  asObject(asObject(extension['credentials'])[type])['identifier'] === true

function markIdentifiers (visit: Visit, extension: JsonObject, marks: Marks): Problem | undefined {
  const { identifiers, codeAddresses } = marks
  const value = goText(visit.value)
  for (const type of ['password', 'webauthn'] as const) {
    if (isIdentifier(extension, type)) addText(identifiers[type], lowered(value))
  }
  if (!isIdentifier(extension, 'code')) return undefined
  const via = String(asObject(asObject(extension['credentials'])['code'])['via'] ?? '')
  if (via !== 'email' && via !== 'sms') {
    const text = `channel type ${goQuoted(via)} must be one of email, sms`
    return problemAt(visit, 'ory.sh~/kratos/credentials/code/via', text)
  }
  const address = codeAddress(value, via)
  if (address === undefined) return problemAt(visit, '', phoneProblem(value))
  addAddress(codeAddresses, { value: address, via })
  addText(identifiers.code, address)
  return undefined
}

/** Only texts without a format of their own are checked here. */
function markVerifiable (visit: Visit, extension: JsonObject, { verifiable }: Marks): Problem | undefined {
  const via = String(asObject(extension['verification'])['via'] ?? '')
  const format = visit.schema['format'] ?? ''
  if (via === '' || typeof format !== 'string') return undefined
  if (format === '' && via !== 'email') {
    return problemAt(
      visit,
      'format',
      'no format specified. A format is required if verification is enabled. If this was intentional, please set "format" to "no-validate"',
    )
  }
  if (format === '' && !isEmail(visit.value)) {
    return problemAt(visit, 'format', `${goQuoted(visit.value)} is not valid "email"`)
  }
  const value = trimmed(goText(visit.value))
  addAddress(verifiable, { via, value: format === '' || format === 'email' ? lowered(value) : value })
  return undefined
}

interface RecoveryKind {
  format: string
  isValid(value: Json): boolean
  stored(value: string): string
}

const RECOVERY: Record<string, RecoveryKind> = {
  email: { format: 'email', isValid: isEmail, stored: (value) => lowered(trimmed(value)) },
  sms: { format: 'tel', isValid: isPhone, stored: trimmed },
}

function markRecovery (visit: Visit, extension: JsonObject, { recovery }: Marks): Problem | undefined {
  const via = String(asObject(extension['recovery'])['via'] ?? '')
  if (via === '') return undefined
  const kind = Object.hasOwn(RECOVERY, via) ? RECOVERY[via] : undefined
  if (kind === undefined) return problemAt(visit, '', `recovery.via has unknown value ${goQuoted(via)}`)
  if (!kind.isValid(visit.value)) {
    return problemAt(visit, 'format', `${goQuoted(visit.value)} is not valid "${kind.format}"`)
  }
  addAddress(recovery, { via, value: kind.stored(goText(visit.value)) })
  return undefined
}

/** The first problem hides those of the later marks. */
const MARKS: Mark[] = [markIdentifiers, markVerifiable, markRecovery]

function addText (texts: string[], text: string): void {
  if (!texts.includes(text)) texts.push(text)
}

function addAddress (addresses: Address[], { value, via }: Address): void {
  if (!addresses.some((other) => other.value === value && other.via === via)) addresses.push({ value, via })
}

/** Values of the traits whose `ory.sh/kratos` matches. */
export function markedValues (
  identity: Identity,
  schema: IdentitySchema,
  isWanted: (extension: JsonObject) => boolean,
): string[] {
  const found: string[] = []
  check(rootOf(documentOf(schema.document)), { traits: identity.traits }, (visit) => {
    if (isWanted(asObject(visit.schema[EXTENSION]))) found.push(goText(visit.value))
    return undefined
  })
  return found
}

const CREDENTIAL_TYPES = ['password', 'webauthn', 'code'] as const

/**
 * Checks the traits against the schema and derives what `ory.sh/kratos` marks in it: identifiers of credentials,
 * verifiable and recovery addresses.
 * @throws FormError with one message per violated rule
 */
export function validateIdentity (identity: Identity, schema: IdentitySchema, now: number): void {
  const marks: Marks = {
    identifiers: { password: [], webauthn: [], code: [] },
    codeAddresses: [],
    verifiable: [],
    recovery: [],
  }
  const problem = check(rootOf(documentOf(schema.document)), { traits: identity.traits }, (visit) => {
    const extension = visit.schema[EXTENSION]
    if (extension === undefined) return undefined
    for (const mark of MARKS) {
      const found = mark(visit, asObject(extension), marks)
      if (found !== undefined) return found
    }
    return undefined
  })
  if (problem !== undefined) throw new FormError(fieldMessages(problem), problem)
  for (const type of CREDENTIAL_TYPES) deriveCredential(identity, type, marks, now)
  identity.verifiableAddresses = marks.verifiable.map(
    (address) =>
      identity.verifiableAddresses.find((old) => old.value === address.value && old.via === address.via) ?? {
        ...NOT_STORED,
        ...address,
        verified: false,
        status: 'pending' as const,
      },
  )
  identity.recoveryAddresses = marks.recovery.map(
    (address) =>
      identity.recoveryAddresses.find((old) => old.value === address.value && old.via === address.via) ?? {
        ...NOT_STORED,
        ...address,
      },
  )
}

/** Storing an address sets its id and times (recording 75). */
const NOT_STORED = { id: NIL_UUID, createdAt: 0, updatedAt: 0 }

function deriveCredential (
  identity: Identity,
  type: (typeof CREDENTIAL_TYPES)[number],
  { identifiers: found, codeAddresses }: Marks,
  now: number,
): void {
  const old = identity.credentials[type]
  const identifiers = found[type]
  // What the traits no longer have stays what it was.
  if (identifiers.length === 0) return
  const config = type === 'code'
    ? { addresses: sorted(codeAddresses).map(({ value, via }) => ({ channel: via, address: value })) }
    : (old?.config ?? {})
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

const sorted = (addresses: Address[]): Address[] =>
  [...addresses].sort((left, right) => `${left.value}\0${left.via}` < `${right.value}\0${right.via}` ? -1 : 1)
