import type { Test } from 'tap'
import { newAuthenticator, type PublicKeyOptions } from '../embedded/passkeys/authenticator.js'

type Bytes = Uint8Array
interface BrowserOptions {
  publicKey: {
    challenge: Bytes
    rp?: { id: string }
    rpId?: string
    user?: { id: Bytes }
  }
}

const text = (bytes: Bytes): string => Buffer.from(bytes).toString('base64url')
const bytesOf = (encoded: string): ArrayBuffer => new Uint8Array(Buffer.from(encoded, 'base64url')).buffer

const asJson = ({ challenge, user, rp, rpId }: BrowserOptions['publicKey']): PublicKeyOptions => ({
  challenge: text(challenge),
  ...(rp !== undefined && { rp }),
  ...(rpId !== undefined && { rpId }),
  ...(user !== undefined && { user: { id: text(user.id) } }),
})

function answerOf (json: string) {
  const { response, rawId, ...rest } = JSON.parse(json) as { response: Record<string, string>, rawId: string }
  const members = Object.entries(response).map(([name, value]) => [name, bytesOf(value)])
  return { ...rest, rawId: bytesOf(rawId), response: Object.fromEntries(members) as Record<string, ArrayBuffer> }
}

/** Gives this process what of a browser the client's passkeys need, with one key, until the test ends. */
export function plugInPasskey (t: Test, origin: string): void {
  const key = newAuthenticator()
  const credentials = {
    create: async ({ publicKey }: BrowserOptions) => answerOf(key.create(asJson(publicKey), { origin })),
    get: async ({ publicKey }: BrowserOptions) => answerOf(key.get(asJson(publicKey), { origin })),
  }
  const former = Object.getOwnPropertyDescriptor(globalThis, 'navigator')
  Object.defineProperty(globalThis, 'navigator', { value: { credentials }, configurable: true })
  t.teardown(() => {
    if (former === undefined) Reflect.deleteProperty(globalThis, 'navigator')
    else Object.defineProperty(globalThis, 'navigator', former)
  })
}
