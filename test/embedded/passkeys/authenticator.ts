import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'

/** Flags of authenticator data (WebAuthn, section 6.1): user present, user verified, attested credential data. */
const PRESENT = 0x01
const VERIFIED = 0x04
const ATTESTED = 0x40

export interface KeyOptions {
  /** Origin of the page. */
  origin: string
  /** Whether the person proved to be the owner; default true. */
  isVerified?: boolean
  aaguid?: Buffer
  /** Fields of the client data to change. */
  clientData?: object
  /** RP ID to answer for, instead of the one that is asked for. */
  rpId?: string
}

/** An authenticator for tests: one key on P-256, attestation format `none`. */
export interface Authenticator {
  /** Id of the key, in base64url. */
  id: string
  hexId: string
  /** Answers to the options of `navigator.credentials.create`, as text for a form. */
  create(options: PublicKeyOptions, changes: KeyOptions): string
  /** Answers to the options of `navigator.credentials.get`, as text for a form. */
  get(options: PublicKeyOptions, changes: KeyOptions): string
  userHandle: string
}

/** The content of `publicKey`. */
export interface PublicKeyOptions {
  challenge: string
  rp?: { id: string }
  rpId?: string
  user?: { id: string }
}

const sha256 = (data: Buffer | string): Buffer => createHash('sha256').update(data).digest()
const text = (data: Buffer | string): string => Buffer.from(data).toString('base64url')

/** CBOR (RFC 8949) of what an attestation contains: small integers, byte strings, texts and maps. */
function cbor (value: number | string | Buffer | Map<number | string, unknown>): Buffer {
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value)
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)])
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value])
  return Buffer.concat([
    head(5, value.size),
    ...[...value].flatMap(([name, part]) => [cbor(name), cbor(part as Parameters<typeof cbor>[0])]),
  ])
}

const head = (major: number, size: number): Buffer =>
  size < 24
    ? Buffer.from([(major << 5) | size])
    : size < 256
      ? Buffer.from([(major << 5) | 24, size])
      : Buffer.from([(major << 5) | 25, size >> 8, size & 0xff])

/** COSE_Key (RFC 9053) of a public key on P-256. */
function coseKey (key: KeyObject): Buffer {
  const { x = '', y = '' } = key.export({ format: 'jwk' })
  return cbor(
    new Map<number, number | Buffer>([
      [1, 2],
      [3, -7],
      [-1, 1],
      [-2, Buffer.from(x, 'base64url')],
      [-3, Buffer.from(y, 'base64url')],
    ]),
  )
}

export function newAuthenticator (): Authenticator {
  const id = randomBytes(32)
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  let counter = 0

  const clientData = (type: string, { challenge }: PublicKeyOptions, { origin, clientData = {} }: KeyOptions): Buffer =>
    Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false, ...clientData }))

  const authenticatorData = (rpId: string, flags: number, { isVerified = true }: KeyOptions): Buffer => {
    const fixed = Buffer.alloc(5)
    fixed[0] = flags | (isVerified ? VERIFIED : 0)
    fixed.writeUInt32BE(++counter, 1)
    return Buffer.concat([sha256(rpId), fixed])
  }

  const answer = (response: object): string =>
    JSON.stringify({ id: text(id), rawId: text(id), type: 'public-key', response })

  const authenticator: Authenticator = {
    id: text(id),
    hexId: id.toString('hex'),
    userHandle: '',
    create: (options, changes) => {
      authenticator.userHandle = options.user?.id ?? ''
      const authData = Buffer.concat([
        authenticatorData(changes.rpId ?? options.rp?.id ?? '', PRESENT | ATTESTED, changes),
        changes.aaguid ?? Buffer.alloc(16),
        Buffer.from([0, id.length]),
        id,
        coseKey(keys.publicKey),
      ])
      const attestation = new Map<string, unknown>([['fmt', 'none'], ['attStmt', new Map()], ['authData', authData]])
      return answer({
        clientDataJSON: text(clientData('webauthn.create', options, changes)),
        attestationObject: text(cbor(attestation)),
      })
    },
    get: (options, changes) => {
      const client = clientData('webauthn.get', options, changes)
      const data = authenticatorData(changes.rpId ?? options.rpId ?? '', PRESENT, changes)
      return answer({
        clientDataJSON: text(client),
        authenticatorData: text(data),
        signature: text(sign('sha256', Buffer.concat([data, sha256(client)]), keys.privateKey)),
        userHandle: authenticator.userHandle,
      })
    },
  }
  return authenticator
}
