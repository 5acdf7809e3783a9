import { createHmac, hkdfSync, randomBytes } from 'node:crypto'

const KEY_BYTES = 32

export const randomKey = (): string => randomBytes(KEY_BYTES).toString('base64url')

/** The same for all that know the secret, and of no use for anything else. */
const derivedKey = (secret: string, use: string): string =>
  Buffer.from(hkdfSync('sha256', secret, '', `fastify-kratos ${use}`, KEY_BYTES)).toString('base64url')

/** For buckets that processes share. */
export const sharedKey = (secret: string): string => derivedKey(secret, 'login budgets')

/** For ids in events, which nobody may look up elsewhere. */
export const eventKey = (secret: string): string => derivedKey(secret, 'events')

/** A keyed digest: no address and no e-mail can be read from it or looked up by it. */
export const bucketKey = (secret: string, ...parts: string[]): string =>
  createHmac('sha256', secret).update(JSON.stringify(parts)).digest('base64url')
