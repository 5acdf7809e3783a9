import { encodeQR } from 'qr'
import { Secret, TOTP } from 'otpauth'
import { plainError } from '../../http/errors.js'
import { asObject } from '../../json.js'
import type { Credential, Identity } from '../../identity/identity.js'
import { markedValues } from '../../identity/extensions.js'
import type { Kratos } from '../../kratos.js'
import { png } from './png.js'

/** Length of a secret, as RFC 4226 recommends. */
const SECRET_BYTES = 20
const IMAGE_PIXELS = 256

const escaped = (text: string, chars: RegExp): string =>
  text.replace(chars, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

/** Go's escaping for a path and for a path segment; Kratos uses the latter for the query too. */
const inPath = (text: string): string => escaped(encodeURI(text), /[!'()*?#]/g)
const inPathPart = (text: string): string => escaped(inPath(text), /[/;,]/g)

/**
 * A new key for an authenticator app, as otpauth:// URL.
 * @throws ApiError 500 when the issuer is configured as empty
 */
export function newTotpUrl (kratos: Kratos, identity: Identity): string {
  const { config } = kratos
  const issuer = String(
    config.selfservice.methods['totp']?.config['issuer'] ?? new URL(config.serve.public.base_url).hostname,
  )
  if (issuer === '') throw plainError('Issuer must be set')
  const path = `${inPath(issuer)}:${inPath(accountName(kratos, identity))}`
  const secret = new Secret({ size: SECRET_BYTES }).base32
  return `otpauth://totp/${path}?algorithm=SHA1&digits=6&issuer=${inPathPart(issuer)}&period=30&secret=${secret}`
}

/** The trait that the schema marks as `totp.account_name`, otherwise the identity's id. */
function accountName (kratos: Kratos, identity: Identity): string {
  const isMarked = (extension: object): boolean =>
    asObject(asObject(asObject(extension)['credentials'])['totp'])['account_name'] === true
  return markedValues(identity, kratos.schemas.get(identity.schemaId), isMarked).at(-1) ?? identity.id
}

/** The base32 secret in an otpauth:// URL; empty if it has none. */
export const secretOf = (url: unknown): string =>
  URL.canParse(String(url)) ? (new URL(String(url)).searchParams.get('secret') ?? '') : ''

/** Whether a code is valid now, or one period earlier or later. As in Kratos, a code can be used again. */
export function isTotpCode ({ clock }: Kratos, url: unknown, code: string): boolean {
  const token = code.trim()
  const secret = secretOf(url)
  if (secret === '' || !/^\d{6}$/.test(token)) return false
  return new TOTP({ secret: Secret.fromBase32(secret) }).validate({ token, timestamp: clock.now(), window: 1 }) !== null
}

export const hasTotp = (credential: Credential | undefined): boolean => secretOf(credential?.config['totp_url']) !== ''

/** The key as QR code, as data: URL. */
export const qrImage = (url: string): string =>
  `data:image/png;base64,${png(encodeQR(url, 'raw', { ecc: 'medium', border: 4 }), IMAGE_PIXELS).toString('base64')}`
