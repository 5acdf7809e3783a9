import { createHash } from 'node:crypto'
import { compare, hash } from 'bcryptjs'
import { notEmbedded } from '../../http/errors.js'
import { formError } from '../../identity/validation.js'
import type { Kratos } from '../../kratos.js'
import { MESSAGES } from '../../ui/message.js'

/** What bcrypt looks at, in bytes. */
const BCRYPT_LIMIT = 72

/** Stands for a password of any length where bcrypt plays the part of argon2. */
const shortened = (password: string): string => createHash('sha256').update(password).digest('base64')

/**
 * The password's bcrypt hash at the configured cost. `hashers.algorithm: argon2` only changes that there is no limit.
 * @throws FormError 4000033 for one that bcrypt would cut off
 */
export async function hashPassword ({ config }: Kratos, password: string): Promise<string> {
  const { algorithm, bcrypt } = config.hashers
  const length = Buffer.byteLength(password)
  const isLong = length > BCRYPT_LIMIT
  if (isLong && algorithm === 'bcrypt') throw formError(MESSAGES.passwordTooLong(BCRYPT_LIMIT, length), 'password')
  return await hash(isLong ? shortened(password) : password, Math.max(4, bcrypt.cost))
}

/** Whether the password belongs to the hash; a hash of another algorithm is said to be none of ours. */
export async function isPassword (password: string, hashed: string): Promise<boolean> {
  if (!/^\$2[abxy]\$/.test(hashed)) throw notEmbedded('Only bcrypt password hashes can be compared.')
  return await compare(password, hashed) || (Buffer.byteLength(password) > BCRYPT_LIMIT && await compare(shortened(password), hashed))
}

const decoys = new Map<number, Promise<string>>()

/** Takes as long as a comparison: an unknown identifier and a wrong password must not differ in time. */
export async function pretendToCompare (kratos: Kratos, password: string): Promise<void> {
  const cost = Math.max(4, kratos.config.hashers.bcrypt.cost)
  const decoy = decoys.get(cost) ?? hash('a password that nobody has', cost)
  decoys.set(cost, decoy)
  await compare(password, await decoy)
}
