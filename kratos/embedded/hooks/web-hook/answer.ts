import { ApiError, plainError } from '../../http/errors.js'
import type { Identity, RecoveryAddress, VerifiableAddress } from '../../identity/identity.js'
import { FormError, type FieldMessage } from '../../identity/validation.js'
import { asObject, isObject, type Json, type JsonObject } from '../../json.js'
import { newId } from '../../random.js'
import type { HookAnswer } from './delivery.js'
import { isDecisive, type HookSettings } from './settings.js'

/** An objection of a hook in Kratos' interrupt format, with messages for fields of the form. */
export class HookObjection extends FormError {
  /** What Kratos says when there is no form yet. */
  readonly summary: string

  constructor (objections: Array<{ pointer: string, messages: FieldMessage[] }>) {
    super(objections.flatMap(({ messages }) => messages))
    const lines = objections.map(
      ({ pointer }, index) => `\n(${index}) I[${pointer}] S[] a webhook target returned an error`,
    )
    this.summary = `${objections.length} validation errors occurred:${lines.join('')}`
  }
}

/** A hook before a flow wants to change an identity, but there is none yet. Kratos v26.2.0 drops the connection. */
export class NobodyToChange extends Error {}

/**
 * Applies the answer of a hook.
 * @param identity changed in place by `response.parse` (recording 76)
 * @throws NobodyToChange when there is no identity; HookObjection for an answer in the interrupt format; ApiError 502
 * or 500 for any other refusal (recordings 72, 75)
 */
export function applyAnswer (
  { status, body }: HookAnswer,
  settings: HookSettings,
  identity: Identity | undefined,
  now: number,
): void {
  if (status >= 400) throw isDecisive(settings) ? objection(body) : refused(status)
  if (settings.parse && status === 200) changeIdentity(identity, asObject(parsed(body)['identity']), now)
}

const refused = (status: number): ApiError =>
  new ApiError({
    code: 502,
    message: `webhook failed with status code ${status}`,
    reason: 'A third-party upstream service responded improperly. Please try again later.',
  })

const unreadable = (why: string): ApiError =>
  plainError(`webhook response could not be unmarshalled properly from JSON: ${why}`)

function parsed (body: Buffer): JsonObject {
  if (body.length === 0) throw unreadable('unexpected end of JSON input')
  let value: unknown
  try {
    value = JSON.parse(body.toString())
  } catch {
    throw unreadable(
      /^\s*[[{"]/.test(body.toString())
        ? 'unexpected end of JSON input'
        : `invalid character '${body.toString().trim().charAt(0)}' looking for beginning of value`,
    )
  }
  if (value === null) return {}
  if (!isObject(value)) throw unreadable('json: cannot unmarshal the body into an object')
  return value
}

function objection (body: Buffer): Error {
  const { messages = [] } = parsed(body)
  const objections = (Array.isArray(messages) ? messages : [])
    .filter(isObject)
    .map(({ instance_ptr: pointer = '', messages }) => ({
      pointer: String(pointer),
      messages: (Array.isArray(messages) ? messages : [])
        .filter(isObject)
        .map((message) => fieldMessage(String(pointer), message)),
    }))
  return objections.length === 0
    ? plainError('error while parsing webhook response: got no validation errors')
    : new HookObjection(objections)
}

const fieldMessage = (pointer: string, { id, text, type, context }: JsonObject): FieldMessage => ({
  path: dotted(pointer),
  message: {
    id: Number(id ?? 0),
    text: String(text ?? ''),
    type: type === 'error' ? 'error' : 'info',
    ...(context === undefined ? {} : { context: context as JsonObject }),
  },
})

/** `#/traits/email` as `traits.email`; other text stays as it is. */
const dotted = (pointer: string): string =>
  !pointer.startsWith('#/')
    ? pointer
    : pointer
      .slice(2)
      .split('/')
      .map((part) => decodeURIComponent(part.replaceAll('~1', '/').replaceAll('~0', '~')))
      .join('.')

const isFilled = (value: Json | undefined): boolean => value !== undefined && value !== null && value !== ''

/** Missing and empty members change nothing. Only `external_id` can be removed. */
function changeIdentity (identity: Identity | undefined, given: JsonObject, now: number): void {
  if (identity === undefined) {
    if (Object.keys(given).length > 0) {
      throw new NobodyToChange('A web hook before a flow answered with an identity, but there is none yet.')
    }
    return
  }
  if (isObject(given['traits'])) identity.traits = given['traits']
  if (isFilled(given['schema_id'])) identity.schemaId = String(given['schema_id'])
  if (isFilled(given['state'])) identity.state = given['state'] === 'active' ? 'active' : 'inactive'
  if (given['metadata_public'] !== undefined) identity.metadataPublic = given['metadata_public']
  if (given['metadata_admin'] !== undefined) identity.metadataAdmin = given['metadata_admin']
  const verifiable = addresses(given['verifiable_addresses'])
  if (verifiable.length > 0) identity.verifiableAddresses = verifiable.map((address) => verifiableAddress(address, now))
  const recovery = addresses(given['recovery_addresses'])
  if (recovery.length > 0) identity.recoveryAddresses = recovery.map((address) => ({ ...common(address, now) }))
  if (given['external_id'] === undefined) return
  delete identity.externalId
  if (isFilled(given['external_id'])) identity.externalId = String(given['external_id'])
}

const addresses = (given: Json | undefined): JsonObject[] => Array.isArray(given) ? given.filter(isObject) : []

const common = ({ value, via }: JsonObject, now: number): RecoveryAddress => ({
  id: newId(),
  value: String(value ?? ''),
  via: String(via ?? 'email'),
  createdAt: now,
  updatedAt: now,
})

const verifiableAddress = (address: JsonObject, now: number): VerifiableAddress => ({
  ...common(address, now),
  verified: address['verified'] === true,
  status: address['status'] === 'completed' || address['status'] === 'sent' ? address['status'] : 'pending',
  ...(address['verified'] === true ? { verifiedAt: now } : {}),
})
