import { rfc3339 } from '../../clock.js'
import { badRequest, internal } from '../../http/errors.js'
import { formError } from '../../identity/validation.js'
import { asObject, isObject, type JsonObject } from '../../json.js'
import { MESSAGES } from '../../ui/message.js'
import { authenticatorName } from './authenticators.js'
import type { StoredKey } from './credential.js'
import { ALGORITHMS, type Ceremony } from './options.js'
import type { RelyingParty } from './relying-party.js'

/** Loading it costs more time than most starts, and few flows need it. */
const load = async (): Promise<typeof import('@simplewebauthn/server')> => await import('@simplewebauthn/server')

/** A public key credential as a page sends it. */
export interface KeyAnswer {
  id: string
  rawId: string
  type: 'public-key'
  response: JsonObject
  clientExtensionResults: JsonObject
}

const isBase64url = (value: unknown): value is string => typeof value === 'string' && /^[\w-]+={0,2}$/.test(value)

function parsed (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** @returns undefined for anything that is no public key credential */
function readAnswer (text: string): KeyAnswer | undefined {
  const answer = parsed(text)
  if (!isObject(answer) || !isBase64url(answer['id']) || answer['type'] !== 'public-key') return undefined
  return {
    id: answer['id'],
    rawId: String(answer['rawId'] ?? ''),
    type: 'public-key',
    response: asObject(answer['response']),
    clientExtensionResults: {},
  }
}

/** What the browser says about the ceremony; undefined when it cannot be read. */
function clientDataOf ({ response }: KeyAnswer): JsonObject | undefined {
  const { clientDataJSON: data } = response
  const content = isBase64url(data) ? parsed(Buffer.from(data, 'base64url').toString()) : undefined
  return isObject(content) ? content : undefined
}

const originOf = (answer: KeyAnswer): string => String(clientDataOf(answer)?.['origin'] ?? '')

/** Kratos compares origins without regard to case. */
const acceptedOrigins = ({ origins }: RelyingParty, origin: string): string[] =>
  origins.some((own) => own.toLowerCase() === origin.toLowerCase()) ? [origin] : origins

/** The key that answered to a login. @throws ApiError 400 when the answer cannot be read */
export function readLogin (text: string): KeyAnswer {
  const answer = readAnswer(text)
  const isComplete = answer !== undefined && clientDataOf(answer) !== undefined &&
    isBase64url(answer.response['authenticatorData'])
  if (!isComplete) throw badRequest('Unable to parse WebAuthn response.')
  return answer
}

/**
 * Checks the answer to a login. As in Kratos, the counter of a key is neither compared nor stored.
 * @throws FormError 4000008 for every mistake
 */
export async function verifyLogin (
  rp: RelyingParty,
  ceremony: Ceremony,
  answer: KeyAnswer,
  keys: StoredKey[],
): Promise<void> {
  const key = keys.find(({ id }) => Buffer.from(id, 'base64').equals(Buffer.from(answer.rawId, 'base64url')))
  const isAllowed = ceremony.allowed.length === 0 || ceremony.allowed.includes(answer.rawId)
  if (key === undefined || !isAllowed || !await isProven(rp, ceremony, answer, key)) {
    throw formError(MESSAGES.totpWrong())
  }
}

async function isProven (rp: RelyingParty, ceremony: Ceremony, answer: KeyAnswer, key: StoredKey): Promise<boolean> {
  const { verifyAuthenticationResponse } = await load()
  try {
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response: answer as unknown as Parameters<typeof verifyAuthenticationResponse>[0]['response'],
      expectedChallenge: ceremony.challenge,
      expectedOrigin: acceptedOrigins(rp, originOf(answer)),
      expectedRPID: rp.id,
      credential: { id: answer.id, publicKey: new Uint8Array(Buffer.from(key.public_key, 'base64')), counter: 0 },
      requireUserVerification: false,
    })
    return verified && asObject(key['flags'])['backup_eligible'] ===
      (authenticationInfo.credentialDeviceType === 'multiDevice')
  } catch {
    return false
  }
}

/**
 * Checks the answer to a question for a new key.
 * @returns the key as it is stored; its name is that of the authenticator, if it is known
 * @throws ApiError 400 when the answer cannot be read, 500 when it does not fit: both are Kratos' choice
 */
export async function verifyNewKey (
  rp: RelyingParty,
  ceremony: Ceremony,
  text: string,
  { isPasswordless, now }: { isPasswordless: boolean, now: number },
): Promise<StoredKey> {
  const answer = readAnswer(text)
  if (answer === undefined) throw unreadable('Parse error for Registration')
  const client = clientDataOf(answer)
  if (client === undefined || !await hasAttestation(answer)) throw unreadable('Error parsing attestation response')
  const problem = mismatch(rp, ceremony, client)
  if (problem !== undefined) throw unfit(problem)
  return await checkedKey(rp, ceremony, answer, { isPasswordless, now })
}

const unreadable = (why: string): Error => badRequest(`Unable to parse WebAuthn response: ${why}`)
const unfit = (why: string): Error => internal(`Unable to create WebAuthn credential: ${why}`)

async function hasAttestation ({ response }: KeyAnswer): Promise<boolean> {
  const { decodeAttestationObject, parseAuthenticatorData } = await import('@simplewebauthn/server/helpers')
  const { attestationObject: attestation } = response
  if (!isBase64url(attestation)) return false
  try {
    const decoded = decodeAttestationObject(new Uint8Array(Buffer.from(attestation, 'base64url')))
    return parseAuthenticatorData(decoded.get('authData')).flags.at
  } catch {
    return false
  }
}

/** The first thing that does not fit, in Kratos' words. */
function mismatch (rp: RelyingParty, { challenge }: Ceremony, client: JsonObject): string | undefined {
  if (client['type'] !== 'webauthn.create') return 'Error validating ceremony type'
  if (client['challenge'] !== challenge) return 'Error validating challenge'
  const origin = String(client['origin'] ?? '')
  if (!acceptedOrigins(rp, origin).includes(origin)) return 'Error validating origin'
  return undefined
}

async function checkedKey (
  rp: RelyingParty,
  ceremony: Ceremony,
  answer: KeyAnswer,
  { isPasswordless, now }: { isPasswordless: boolean, now: number },
): Promise<StoredKey> {
  const { verifyRegistrationResponse } = await load()
  try {
    const { verified, registrationInfo: info } = await verifyRegistrationResponse({
      response: answer as unknown as Parameters<typeof verifyRegistrationResponse>[0]['response'],
      expectedChallenge: ceremony.challenge,
      expectedOrigin: acceptedOrigins(rp, originOf(answer)),
      expectedRPID: rp.id,
      requireUserVerification: false,
      supportedAlgorithmIDs: ALGORITHMS,
    })
    if (!verified) throw new Error('the attestation is not valid')
    return {
      id: Buffer.from(info.credential.id, 'base64url').toString('base64'),
      public_key: Buffer.from(info.credential.publicKey).toString('base64'),
      attestation_type: info.fmt,
      authenticator: {
        aaguid: Buffer.from(info.aaguid.replaceAll('-', ''), 'hex').toString('base64'),
        sign_count: info.credential.counter,
        clone_warning: false,
      },
      display_name: authenticatorName(info.aaguid),
      added_at: rfc3339(Math.round(now / 1000) * 1000),
      is_passwordless: isPasswordless,
      flags: {
        user_present: true,
        user_verified: info.userVerified,
        backup_eligible: info.credentialDeviceType === 'multiDevice',
        backup_state: info.credentialBackedUp,
      },
    }
  } catch {
    throw unfit('Error validating the authenticator response')
  }
}
