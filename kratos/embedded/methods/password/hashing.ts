import { createHash } from 'node:crypto'
import { compare, hash } from 'bcryptjs'
import { notEmbedded } from '../../http/errors.js'
import { formError } from '../../identity/validation.js'
import type { Kratos } from '../../kratos.js'
import { MESSAGES } from '../../ui/message.js'

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
  return await hash(isLong ? shortened(password) : password, Math.max(4, bcrypt.cost))
}

/** Whether the password belongs to the hash. @throws ApiError 501 for a hash of another algorithm */
export async function isPassword (password: string, hashed: string): Promise<boolean> {
  if (!/^\$2[abxy]\$/.test(hashed)) throw notEmbedded('Only bcrypt password hashes can be compared.')
  return (
    (await compare(password, hashed)) ||
    (Buffer.byteLength(password) > BCRYPT_LIMIT && (await compare(shortened(password), hashed)))
  )
}

const decoys = new Map<number, Promise<string>>()

/** Takes as long as a comparison, so that timing does not tell unknown identifiers from wrong passwords. */
export async function pretendToCompare (kratos: Kratos, password: string): Promise<void> {
  const cost = Math.max(4, kratos.config.hashers.bcrypt.cost)
  const decoy = decoys.get(cost) ?? hash('a password that nobody has', cost)
  decoys.set(cost, decoy)
  await compare(password, await decoy)
}
