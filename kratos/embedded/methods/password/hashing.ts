import { createHash } from 'node:crypto'
import { compare, hash } from 'bcryptjs'
import { formError } from '../../identity/validation.js'
import type { Kratos } from '../../kratos.js'
import { MESSAGES } from '../../ui/message.js'
import { belongsToForeign } from './foreign-hashes.js'

/** bcrypt ignores everything after this many bytes. */
const BCRYPT_LIMIT = 72

/** Shortens a long password for bcrypt, which replaces argon2 here. */
const shortened = (password: string): string => createHash('sha256').update(password).digest('base64')

/**
 * The bcrypt hash at the configured cost. With `hashers.algorithm: argon2` there is only no length limit.
 * @throws FormError 4000033 for a password that is too long for bcrypt
 */
export async function hashPassword ({ config }: Kratos, password: string): Promise<string> {
  const { algorithm, bcrypt } = config.hashers
  const length = Buffer.byteLength(password)
  const isLong = length > BCRYPT_LIMIT
  if (isLong && algorithm === 'bcrypt') throw formError(MESSAGES.passwordTooLong(BCRYPT_LIMIT, length), 'password')
  const hashed = await hash(isLong ? shortened(password) : password, Math.max(4, bcrypt.cost))
  // Go's bcrypt names the same hash by the older version.
  return hashed.replace('$2b$', '$2a$')
}

const BCRYPT = /^\$2[abzy]?\$/

/** Whether the password belongs to the hash, in any format that Kratos imports. */
export async function isPassword (password: string, hashed: string): Promise<boolean> {
  if (!BCRYPT.test(hashed)) return await belongsToForeign(password, hashed)
  const bcrypt = hashed.replace(BCRYPT, '$2b$')
  return Buffer.byteLength(password) > BCRYPT_LIMIT
    ? await compare(shortened(password), bcrypt)
    : await compare(password, bcrypt)
}

/** Whether Kratos replaces the hash after a login by one of its own. */
export const isForeign = (hashed: string): boolean => !BCRYPT.test(hashed)

const decoys = new Map<number, Promise<string>>()

/** Takes as long as a comparison, so that timing does not tell unknown identifiers from wrong passwords. */
export async function pretendToCompare (kratos: Kratos, password: string): Promise<void> {
  const cost = Math.max(4, kratos.config.hashers.bcrypt.cost)
  const decoy = decoys.get(cost) ?? hash('a password that nobody has', cost)
  decoys.set(cost, decoy)
  await compare(password, await decoy)
}
