import { plainError } from '../../http/errors.js'
import type { JsonObject } from '../../json.js'
import { newKey } from '../../random.js'
import type { RelyingParty } from './relying-party.js'

/** What a flow remembers until the key answers. Ids are in base64url. */
export interface Ceremony {
  challenge: string
  userId: string
  /** The keys that may answer; any if there are none. */
  allowed: string[]
}

export interface Question {
  /** For `navigator.credentials`. */
  options: JsonObject
  ceremony: Ceremony
}

/** COSE algorithms (RFC 8152, RFC 8812) in the order in which Kratos offers them. */
export const ALGORITHMS = [-7, -35, -36, -257, -258, -259, -37, -38, -39, -8]

const newChallenge = (): string => newKey(32).toString('base64url')

/** Asks for a new key. @param user id in base64url @throws ApiError 500 for an incomplete configuration */
export function newKeyQuestion (rp: RelyingParty, user: { id: string, name: string }): Question {
  ensureComplete(rp, 'credential creation', 'creation')
  const challenge = newChallenge()
  const name = user.name === '' ? rp.name : user.name
  return {
    options: {
      publicKey: {
        rp: { name: rp.name, id: rp.id },
        user: { name, displayName: name, id: user.id },
        challenge,
        pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: 'public-key', alg })),
        timeout: rp.timeoutMs,
        authenticatorSelection: { ...rp.selection, userVerification: rp.userVerification },
      },
    },
    ceremony: { challenge, userId: user.id, allowed: [] },
  }
}

/** Asks for a known key. @param allowed ids of keys, none to let the person choose any */
export function knownKeyQuestion (rp: RelyingParty, allowed: string[] = []): Question {
  ensureComplete(rp, 'assertion', 'login')
  const challenge = newChallenge()
  return {
    options: {
      publicKey: {
        challenge,
        timeout: rp.timeoutMs,
        rpId: rp.id,
        ...(allowed.length === 0 ? {} : { allowCredentials: allowed.map((id) => ({ type: 'public-key', id })) }),
        userVerification: rp.userVerification,
      },
    },
    ceremony: { challenge, userId: '', allowed },
  }
}

/** Kratos takes a configuration without `rp` and fails when it is used (tried on v26.2.0). */
function ensureComplete ({ id, name, origins }: RelyingParty, what: string, use: string): void {
  if (origins.length === 0) {
    throw plainError(
      "error occurred validating the configuration: must provide at least one value to the 'RPOrigins' field",
    )
  }
  const missing = id === '' ? 'id' : name === '' && use === 'creation' ? 'display name' : undefined
  if (missing === undefined) return
  throw plainError(
    `error generating ${what}: the relying party ${missing} must be provided via the configuration or a functional option for a ${use}`,
  )
}
