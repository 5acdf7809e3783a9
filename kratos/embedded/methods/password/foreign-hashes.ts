import { createCipheriv, createHash, createHmac, pbkdf2, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto'
import { promisify } from 'node:util'
import { argon2 } from './argon2.js'
import { md5Crypt, shaCrypt } from './crypt.js'

const derive = promisify(pbkdf2)
const deriveScrypt = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt)

/** A hash cannot be read. */
class UnreadableHash extends Error {}

/** Kratos takes only canonical base64. */
function base64 (text: string | undefined, isPadded = true): Buffer {
  const bytes = Buffer.from(text ?? '', 'base64')
  const again = bytes.toString('base64')
  if (text === undefined || (isPadded ? again : again.replace(/=+$/, '')) !== text) throw new UnreadableHash()
  return bytes
}

function numbers (text: string | undefined, pattern: RegExp): number[] {
  const found = pattern.exec(text ?? '')
  if (found === null) throw new UnreadableHash()
  return found.slice(1).map(Number)
}

const isSame = (left: Buffer, right: Buffer): boolean => left.length === right.length && timingSafeEqual(left, right)

const SCRYPT = /^ln=(\d+),r=(\d+),p=(\d+)/

async function scryptOf (
  password: string,
  salt: Buffer,
  length: number,
  [cost = 0, block = 0, parallel = 0]: number[],
): Promise<Buffer> {
  return await deriveScrypt(password, salt, length, {
    N: cost,
    r: block,
    p: parallel,
    maxmem: 256 * cost * block + 1024 * block * parallel,
  })
}

/** The text to hash: `{SALT}` and `{PASSWORD}` in a format stand for them. */
function formatted (format: string | undefined, salt: Buffer, password: string): Buffer {
  const pattern = base64(/^pf=(\S+)/.exec(format ?? '')?.[1]).toString('latin1')
  const parts: Record<string, Buffer> = { '{SALT}': salt, '{PASSWORD}': Buffer.from(password) }
  return Buffer.concat(
    pattern.split(/(\{SALT\}|\{PASSWORD\})/).map((part) => parts[part] ?? Buffer.from(part, 'latin1')),
  )
}

type Comparison = (password: string, hashed: string, parts: string[]) => boolean | Promise<boolean>

/** Kratos means SHA-3 by two of the names, and SHA-256 by any other (tried on v26.2.0). */
const PBKDF2_DIGESTS: Record<string, string> = {
  'pbkdf2-sha1': 'sha1',
  'pbkdf2-sha224': 'sha3-224',
  'pbkdf2-sha384': 'sha3-384',
  'pbkdf2-sha512': 'sha512',
}

/** The hash formats of other systems that Kratos imports, in the order in which it recognises them. */
const FORMATS: Array<[RegExp, Comparison]> = [
  [/^\$md5-crypt\$/, (password, _hashed, [, , salt = '', hash]) => md5Crypt(password, salt) === hash],
  [/^\$sha(256|512)-crypt\$/, (password, hashed, [, , ...rest]) => {
    const algorithm = hashed.startsWith('$sha256') ? 'sha256' : 'sha512'
    const [, rounds = '5000'] = /^rounds=(\d+)$/.exec(rest[0] ?? '') ?? []
    const [salt = '', hash] = rest.slice(-2)
    return shaCrypt(algorithm, password, salt, Math.min(Math.max(Number(rounds), 1000), 999_999_999)) === hash
  }],
  [/^\$argon2id?\$/, async (password, hashed, parts) => {
    if (parts.length !== 6 || parts[2] !== 'v=19') throw new UnreadableHash()
    const [memory = 0, iterations = 0, parallelism = 0] = numbers(parts[3], /^m=(\d+),t=(\d+),p=(\d+)/)
    const hash = base64(parts[5], false)
    const kind = hashed.startsWith('$argon2id') ? 'argon2id' : 'argon2i'
    const salt = base64(parts[4], false)
    return isSame(await argon2(password, { kind, memory, iterations, parallelism, salt, length: hash.length }), hash)
  }],
  [/^\$pbkdf2-sha\d{1,3}\$/, async (password, _hashed, [, kind = '', options, salt, hash, ...more]) => {
    if (more.length > 0) throw new UnreadableHash()
    const [iterations = 0] = numbers(options, /^i=(\d+),l=(\d+)/)
    const digest = PBKDF2_DIGESTS[kind] ?? 'sha256'
    const expected = base64(hash, false)
    return isSame(await derive(password, base64(salt, false), iterations, expected.length, digest), expected)
  }],
  [/^\$scrypt\$/, async (password, _hashed, [, , options, salt, hash, ...more]) => {
    if (more.length > 0) throw new UnreadableHash()
    const expected = base64(hash)
    return isSame(await scryptOf(password, base64(salt), expected.length, numbers(options, SCRYPT)), expected)
  }],
  [/^\{SSHA(256|512)?\}/, (password, hashed) => {
    const [, size = '1', content = ''] = /^\{SSHA(256|512)?\}(.*)$/s.exec(hashed) ?? []
    const bytes = Buffer.from(content, 'base64')
    const length = size === '1' ? 20 : Number(size) / 8
    if (bytes.length <= length) throw new UnreadableHash()
    const sum = createHash(`sha${size}`).update(password).update(bytes.subarray(length)).digest()
    return isSame(sum, bytes.subarray(0, length))
  }],
  [/^\$sha(1|256|512)\$/, (password, _hashed, [, algorithm = '', format, salt, hash, ...more]) => {
    if (more.length > 0) throw new UnreadableHash()
    return isSame(createHash(algorithm).update(formatted(format, base64(salt), password)).digest(), base64(hash))
  }],
  // Firebase encrypts a key with the password instead of storing a hash.
  [/^\$firescrypt\$/, async (password, _hashed, [, , options, salt, hash, separator, signer, ...more]) => {
    if (more.length > 0) throw new UnreadableHash()
    const [power = 0, ...others] = numbers(options, SCRYPT)
    const seasoning = Buffer.concat([base64(salt), base64(separator)])
    const key = await scryptOf(password, seasoning, 32, [2 ** power, ...others])
    return isSame(createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(base64(signer)), base64(hash))
  }],
  [/^\$md5\$/, (password, _hashed, parts) => {
    const [, , first, salt, hash] = parts
    if (parts.length === 3) return isSame(createHash('md5').update(password).digest(), base64(first))
    if (parts.length !== 5) throw new UnreadableHash()
    return isSame(createHash('md5').update(formatted(first, base64(salt), password)).digest(), base64(hash))
  }],
  [/^\$hmac-(md4|md5|sha1|sha224|sha256|sha384|sha512)\$/, async (password, _hashed, parts) => {
    const [, kind = '', hash, key, ...more] = parts
    if (more.length > 0) throw new UnreadableHash()
    return isSame(Buffer.from(await hmac(kind.slice('hmac-'.length), base64(key), password)), base64(hash))
  }],
]

/** In hexadecimal digits. OpenSSL has no MD4 any more. */
async function hmac (algorithm: string, key: Buffer, password: string): Promise<string> {
  if (algorithm !== 'md4') return createHmac(algorithm, key).update(password).digest('hex')
  const { createHMAC, createMD4 } = await import('hash-wasm')
  return (await createHMAC(createMD4(), key)).init().update(password).digest('hex')
}

/** Whether the password belongs to an imported hash. A hash that cannot be read belongs to none, as in Kratos. */
export async function belongsToForeign (password: string, hashed: string): Promise<boolean> {
  const [, compare] = FORMATS.find(([pattern]) => pattern.test(hashed)) ?? []
  try {
    return await compare?.(password, hashed, hashed.split('$')) ?? false
  } catch {
    return false
  }
}
