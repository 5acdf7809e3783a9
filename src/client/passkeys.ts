/** What of a browser a passkey needs; workers and native apps have none of it. */
interface Browser {
  navigator?: {
    credentials?: Record<'create' | 'get', (options: object) => Promise<KeyAnswer | null>>
  }
}

interface KeyAnswer {
  id: string
  rawId: ArrayBuffer
  type: string
  response: Record<string, ArrayBuffer | null | undefined>
}

interface Named {
  id: string
}

/** Options as the server writes them: JSON, with binary values in base64url. */
interface KeyOptions {
  challenge: string
  user?: { id: string, name: string, displayName: string }
  excludeCredentials?: Named[]
  allowCredentials?: Named[]
}

const toBytes = (text: string): Uint8Array =>
  Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (byte) => byte.charCodeAt(0))

const toText = (bytes: ArrayBuffer): string =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '')

const withBytes = (keys: Named[]): object[] => keys.map((key) => ({ ...key, id: toBytes(key.id) }))

const MEMBERS = ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle'] as const

export const hasPasskeys = (): boolean => (globalThis as Browser).navigator?.credentials !== undefined

/**
 * Asks the person for a new or a known passkey.
 * @param json the options of the form   @param name what the key is called in the person's list
 * @returns the answer as the form takes it; undefined when the person or the browser declined
 */
export async function askForPasskey (
  how: 'create' | 'get',
  json: string,
  { name = '', signal }: { name?: string | undefined, signal?: AbortSignal | undefined } = {},
): Promise<string | undefined> {
  const credentials = (globalThis as Browser).navigator?.credentials
  if (credentials === undefined || json === '') return undefined
  const parsed = JSON.parse(json) as { credentialOptions?: { publicKey: KeyOptions }, publicKey: KeyOptions }
  const options = (parsed.credentialOptions ?? parsed).publicKey
  const { challenge, user, excludeCredentials, allowCredentials, ...rest } = options
  const publicKey = {
    ...rest,
    challenge: toBytes(challenge),
    ...(user && {
      user: { ...user, id: toBytes(user.id), name: name || user.name, displayName: name || user.displayName },
    }),
    ...(excludeCredentials && { excludeCredentials: withBytes(excludeCredentials) }),
    ...(allowCredentials && { allowCredentials: withBytes(allowCredentials) }),
  }
  const key = await credentials[how]({ publicKey, ...(signal && { signal }) }).catch(() => null)
  if (signal?.aborted === true) throw signal.reason
  if (key === null) return undefined
  const response = Object.fromEntries(
    MEMBERS.flatMap((member) => key.response[member] ? [[member, toText(key.response[member])]] : []),
  )
  return JSON.stringify({ id: key.id, rawId: toText(key.rawId), type: key.type, response })
}
