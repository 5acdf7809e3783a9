import { createHmac, createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto'

const KEY_BYTES = 32

/** Prepared once: of a key that is text, Node prepares it anew for each digest. */
export const keyOf = (secret: string): KeyObject => createSecretKey(secret, 'utf8')

export const randomKey = (): KeyObject => keyOf(randomBytes(KEY_BYTES).toString('base64url'))

/** The same for all that know the secret, and of no use for anything else. */
const derivedKey = (secret: string, use: string): KeyObject =>
  keyOf(Buffer.from(hkdfSync('sha256', secret, '', `fastify-kratos ${use}`, KEY_BYTES)).toString('base64url'))

/** For buckets that processes share. */
export const sharedKey = (secret: string): KeyObject => derivedKey(secret, 'login budgets')

/** For ids in events, which nobody may look up elsewhere. */
export const eventKey = (secret: string): KeyObject => derivedKey(secret, 'events')

/** No address, no e-mail and no session can be read from it, or looked up by it without the key. */
export const keyedDigest = (key: KeyObject, ...parts: string[]): Buffer =>
  createHmac('sha256', key).update(JSON.stringify(parts)).digest()

export const bucketKey = (key: KeyObject, ...parts: string[]): string => keyedDigest(key, ...parts).toString('base64url')
