import { durationMs } from '../clock.js'
import { validateIdentity } from '../identity/extensions.js'
import { newIdentity, setCredential, type Identity } from '../identity/identity.js'
import { identityJson } from '../identity/json.js'
import type { JsonObject } from '../json.js'
import type { Kratos } from '../kratos.js'
import { hashPassword } from '../methods/password/hashing.js'
import { sealedValue } from '../session/cookie.js'
import { newSession } from '../session/session.js'

/** An identity as the API shows it. */
export type IdentityJson = JsonObject & { id: string, traits: JsonObject }

export interface SignInOptions {
  /** Default `aal1`; `aal2` adds a second factor. */
  aal?: 'aal1' | 'aal2'
  /** In milliseconds; default now. If it is earlier than privileged_session_max_age, changes need a new login. */
  authenticatedAt?: number
  /** `token` (default) for native clients, `cookie` for browsers. */
  transport?: 'token' | 'cookie'
}

export interface SignedIn {
  id: string
  /** The session token, also for a cookie session. */
  token: string
  /** Headers for the client to send: `X-Session-Token` or `Cookie`. */
  headers: Record<string, string>
  expiresAt: number
}

/**
 * Stores an identity as the admin API does.
 * @throws FormError for invalid traits, DuplicateError for a used identifier
 */
export async function createIdentity (kratos: Kratos, traits: JsonObject, password?: string): Promise<IdentityJson> {
  const now = kratos.clock.now()
  const schema = kratos.schemas.get('')
  const identity = newIdentity(schema.id, now)
  identity.traits = traits
  if (password !== undefined) {
    setCredential(identity, 'password', { hashed_password: await hashPassword(kratos, password) }, now)
  }
  validateIdentity(identity, schema, now)
  kratos.store.identities.create(identity, now)
  return identityJson(kratos, identity) as IdentityJson
}

/** Makes a session for an identity without a login. */
export function signIn (
  kratos: Kratos,
  { id }: { id: string },
  { aal = 'aal1', authenticatedAt = kratos.clock.now(), transport = 'token' }: SignInOptions = {},
): SignedIn {
  const identity = kratos.store.identities.get(id)
  if (identity === undefined) throw new Error(`there is no identity ${id}`)
  const session = newSession(identity)
  const expiresAt = authenticatedAt + durationMs(kratos.config.session.lifespan)
  Object.assign(session, { active: true, aal, issuedAt: authenticatedAt, authenticatedAt, expiresAt })
  session.methods = [{ method: firstFactor(identity), aal: 'aal1', completedAt: authenticatedAt }]
  if (aal === 'aal2') session.methods.push({ method: 'totp', aal: 'aal2', completedAt: authenticatedAt })
  kratos.store.sessions.save(session, kratos.clock.now())
  const headers: Record<string, string> = transport === 'cookie'
    ? { cookie: `${kratos.config.session.cookie.name}=${sealedValue(kratos, session)}` }
    : { 'x-session-token': session.token }
  return { id: session.id, token: session.token, headers, expiresAt }
}

const firstFactor = (identity: Identity): string => identity.credentials['password'] === undefined ? 'code' : 'password'

/** Makes a session expire now. */
export function expire (kratos: Kratos, { id }: { id: string }): void {
  const session = kratos.store.sessions.get(id)
  if (session === undefined) throw new Error(`there is no session ${id}`)
  kratos.store.sessions.save({ ...session, expiresAt: kratos.clock.now() - 1 }, kratos.clock.now())
}

/** A mail or text message; `code` and `link` are those of its text. */
export interface SentMessage {
  to: string
  subject: string
  body: string
  template: string
  code?: string
  link?: string
}

/** Messages to an address, which is case-insensitive; newest first. */
export function messagesTo (kratos: Kratos, address: string): SentMessage[] {
  return kratos.store.messages
    .all()
    .filter(({ recipient }) => recipient.toLowerCase() === address.toLowerCase())
    .map(({ recipient, subject, body, template }) => {
      const code = /\b\d{6}\b/.exec(body)?.[0]
      const link = /https?:\/\/\S+/.exec(body)?.[0]
      return {
        to: recipient,
        subject,
        body,
        template,
        ...(code === undefined ? {} : { code }),
        ...(link === undefined ? {} : { link }),
      }
    })
}
