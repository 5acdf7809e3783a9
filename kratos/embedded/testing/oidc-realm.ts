import type { KeyPairKeyObjectResult } from 'node:crypto'
import type { Clock } from '../clock.js'
import type { Json, JsonObject } from '../json.js'

/** Who signs in: `sub` and other claims, such as `email`. */
export type Claims = JsonObject & { sub: string }

/** Names the key of `realm.keys` in tokens and in the list of keys. */
export const KEY_ID = 'key-1'

/** What a code stands for until it is redeemed. */
export interface Grant {
  claims: Claims
  redirectUri: string
  nonce: string | null
  challenge: string | null
}

export interface Reply {
  status: number
  headers?: Record<string, string>
  body: string
}

export const json = (status: number, body: Json): Reply => ({
  status,
  headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
  body: JSON.stringify(body),
})

/** What the endpoints share. */
export interface Realm {
  issuer: string
  clock: Clock
  client: { id: string, secret: string }
  keys: KeyPairKeyObjectResult
  /** By code. */
  grants: Map<string, Grant>
  /** By access token. */
  people: Map<string, Claims>
  /** Who visits the authorize page; undefined: the page asks. */
  visitor: Claims | 'refuses' | undefined
}
