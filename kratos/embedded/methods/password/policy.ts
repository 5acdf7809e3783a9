import { formError } from '../../identity/validation.js'
import type { Kratos } from '../../kratos.js'
import { MESSAGES } from '../../ui/message.js'
import { checkBreaches } from './breaches.js'

/** Fewer edits between password and identifier are too similar. */
const MIN_DISTANCE = 5
/** A larger share of the password in the identifier is too similar. */
const MAX_SHARE = 0.5

/**
 * Checks length in bytes, similarity to identifiers and breaches (docs/kratos-facts.md, section 1, row viii).
 * @throws FormError at the node `password`
 */
export async function checkPassword (kratos: Kratos, identifiers: string[], password: string): Promise<void> {
  const config = kratos.config.selfservice.methods['password']?.config ?? {}
  const length = Buffer.byteLength(password)
  const min = Number(config['min_password_length'] ?? 8)
  if (length < min) throw formError(MESSAGES.passwordTooShort(min, length), 'password')
  if (
    config['identifier_similarity_check_enabled'] !== false &&
    identifiers.some((identifier) => isSimilar(identifier.toLowerCase(), password.toLowerCase()))
  ) {
    throw formError(MESSAGES.passwordLikeIdentifier(), 'password')
  }
  if (config['haveibeenpwned_enabled'] === true) await checkBreaches(kratos, config, password)
}

const isSimilar = (identifier: string, password: string): boolean =>
  identifier !== '' &&
  (editDistance(identifier, password) < MIN_DISTANCE ||
    longestCommon(identifier, password) / password.length > MAX_SHARE)

function editDistance (left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column)
  for (let row = 1; row <= left.length; row++) {
    const current = [row]
    for (let column = 1; column <= right.length; column++) {
      const change = (previous[column - 1] ?? 0) + (left[row - 1] === right[column - 1] ? 0 : 1)
      current.push(Math.min(change, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    previous = current
  }
  return previous.at(-1) ?? 0
}

/** Length of the longest common substring. */
function longestCommon (left: string, right: string): number {
  let longest = 0
  let previous: number[] = []
  for (const char of left) {
    const current = Array.from(right, (other, column) => char === other ? (previous[column - 1] ?? 0) + 1 : 0)
    longest = Math.max(longest, ...current)
    previous = current
  }
  return longest
}
