import { createCipheriv, createDecipheriv, createHash } from 'node:crypto'
import { newKey, newSecret } from '../random.js'
import { isObject, type JsonObject } from '../json.js'

const NONCE_BYTES = 12
const TAG_BYTES = 16
/**
 * Length to which content is padded, so that cookies have the length of Kratos' cookies, about 428 characters
 * (docs/kratos-facts.md, section 3).
 */
const PADDED_BYTES = 292

/** Seals small objects into cookie values. Others cannot read or change them or use them for another cookie. */
export interface Sealer {
  /** A value in base64url; different each time. */
  seal(cookie: string, content: JsonObject): string
  /** The content, or undefined when the value was not sealed here. */
  open(cookie: string, value: string): JsonObject | undefined
}

/**
 * @param secrets `secrets.cookie`: the first one seals, all open. Without any, a random one is used until the process
 * ends.
 */
export function createSealer (secrets: string[]): Sealer {
  const keys = (secrets.length === 0 ? [newSecret(32)] : secrets).map((secret) =>
    createHash('sha256').update(secret).digest(),
  )
  return {
    seal: (cookie, content) => {
      const nonce = newKey(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', keys[0] as Buffer, nonce).setAAD(Buffer.from(cookie))
      const sealed = Buffer.concat([cipher.update(JSON.stringify(content).padEnd(PADDED_BYTES)), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url')
    },
    open: (cookie, value) => {
      const bytes = Buffer.from(value, 'base64url')
      return bytes.length <= NONCE_BYTES + TAG_BYTES
        ? undefined
        : keys.map((key) => decrypt(key, cookie, bytes)).find((content) => content !== undefined)
    },
  }
}

function decrypt (key: Buffer, cookie: string, bytes: Buffer): JsonObject | undefined {
  try {
    const cipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES)).setAAD(Buffer.from(cookie))
      .setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
    const content: unknown = JSON.parse(
      Buffer.concat([cipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), cipher.final()]).toString(),
    )
    return isObject(content) ? content : undefined
  } catch {
    return undefined
  }
}
