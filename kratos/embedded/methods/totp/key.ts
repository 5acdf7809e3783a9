import { encodeQR } from 'qr'
import { Secret, TOTP, URI } from 'otpauth'
import { asObject } from '../../json.js'
import type { Credential, Identity } from '../../identity/identity.js'
import { markedValues } from '../../identity/extensions.js'
import type { Kratos } from '../../kratos.js'
import { png } from './png.js'

/** Bytes of a secret, as RFC 4226 recommends. */
const SECRET_BYTES = 20
const IMAGE_PIXELS = 256

/** A new key for an authenticator app, as the otpauth:// URL that the app reads. */
export function newTotpUrl (kratos: Kratos, identity: Identity): string {
  const { config } = kratos
  const issuer = String(config.selfservice.methods['totp']?.config['issuer'] ?? '') || new URL(config.serve.public.base_url).hostname
  return new TOTP({ issuer, label: accountName(kratos, identity), secret: new Secret({ size: SECRET_BYTES }) }).toString()
}

/** The trait that the schema marks as `totp.account_name`, else the identity's id. */
function accountName (kratos: Kratos, identity: Identity): string {
  const isMarked = (extension: object): boolean => asObject(asObject(asObject(extension)['credentials'])['totp'])['account_name'] === true
  return markedValues(identity, kratos.schemas.get(identity.schemaId), isMarked).at(-1) ?? identity.id
}

const parsed = (url: unknown): TOTP | undefined => {
  try {
    const key = URI.parse(String(url))
    return key instanceof TOTP ? key : undefined
  } catch {
    return undefined
  }
}

/** The base32 secret in an otpauth:// URL. */
export const secretOf = (url: string): string => parsed(url)?.secret.base32 ?? ''

/** Whether a code belongs to the key now, one period early or late included; the same code works again, as in Kratos. */
export function isTotpCode ({ clock }: Kratos, url: unknown, code: string): boolean {
  const token = code.trim()
  return /^\d{6}$/.test(token) && (parsed(url)?.validate({ token, timestamp: clock.now(), window: 1 }) ?? null) !== null
}

export const hasTotp = (credential: Credential | undefined): boolean => parsed(credential?.config['totp_url']) !== undefined

/** The key as an image to scan, as a data: URL. */
export const qrImage = (url: string): string =>
  `data:image/png;base64,${png(encodeQR(url, 'raw', { ecc: 'medium', border: 4 }), IMAGE_PIXELS).toString('base64')}`
