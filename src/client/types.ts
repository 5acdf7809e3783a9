/** Translate it by `code` (docs/messages.md). */
export interface FormError {
  field: string | null
  code: string
  id: number
  text: string
  context: Record<string, unknown>
}

export interface Form {
  flow: FlowName
  flowId: string
  /** Kratos' nodes: fields, buttons, pictures. */
  nodes: FormNode[]
  /** What the form holds besides its fields, read from its nodes. */
  offers: Offers
  errors: FormError[]
  /** A code or link is on its way. */
  sent: boolean
}

export interface Provider {
  id: string
  label: string
}

export interface Address {
  id: string
  /** For people; a part of it may be hidden. */
  label: string
}

/** A passkey or security key in the settings. */
export interface KeyEntry {
  id: string
  name: string
  addedAt: string | undefined
  /** It is the only way to log in, and stays. */
  isLast: boolean
}

export interface Offers {
  /** Who is asked to log in again; else empty. */
  identifier: string
  password: boolean
  /** A code by mail or text message. */
  code: boolean
  /** A link by mail: the person opens it, and there is no code to ask for. */
  link: boolean
  /** Where a code can be sent to, if there is a choice: for `secondFactor({ codeTo: id })` or `recover(id)`. */
  addresses: Address[]
  /** Options of a passkey, for the intents; empty: none is offered. */
  passkey: string
  /** Social logins to log in with, or in the settings to link. */
  providers: Provider[]
  /** Linked social logins that can be unlinked: the last way to log in cannot. */
  linked: Provider[]
  /** The provider whose account is linked by this log-in: its address has an account here already; else empty. */
  linksTo: string
  passkeys: KeyEntry[]
  /** Options of a security key, for the intents; empty: none is offered. Only flows with `?method=webauthn` have it. */
  securityKey: string
  securityKeys: KeyEntry[]
  /** While it is off: the secret as text and as a picture (a `data:` URL). */
  totp: { isOn: boolean, secret: string, picture: string }
  /** `codes`: those that the step before showed. */
  backupCodes: { isOn: boolean, codes: string[] }
}

export interface FormNode {
  type: string
  group: string
  attributes: Record<string, unknown>
  meta?: { label?: { text?: string } }
}

/** What proves a second factor; `codeTo` has a code sent to an address, which `code` then is. */
export type SecondFactor =
  | { totp: string }
  | { backupCode: string }
  | { codeTo: string }
  | { code: string }

export type FlowName = 'registration' | 'login' | 'recovery' | 'verification' | 'settings'

/** What came of an intent; `follow` gets the form of those with a `start`. */
export type Outcome =
  /** Ask `session()` who is logged in. */
  | { kind: 'done' }
  /** Show this form, with its errors if there are any. */
  | { kind: 'form', form: Form }
  /** Ask for the second factor, then call `secondFactor`. */
  | { kind: 'second_factor', flowId: string | undefined, start: string | undefined }
  /** Ask for the code of the mail, then call `confirmCode`. Who `isLoggedIn` already can do so later. */
  | { kind: 'confirm_address', flowId: string | undefined, start: string | undefined, isLoggedIn: boolean }
  /** Let the user set a new password or a second factor. */
  | { kind: 'settings', flowId: string | undefined, start: string | undefined }
  /** Ask for the password again, then repeat what was asked. */
  | { kind: 'log_in_again', flowId: string | undefined, start: string | undefined }
  /** Go to this address: a social login. */
  | { kind: 'redirect', url: string }
  | { kind: 'already_logged_in' }
  /** Nothing is known and nothing is lost: keep the screen and offer to try again. */
  | { kind: 'unavailable', retryAfterSeconds: number | undefined, isThrottled: boolean }
  /** The person or the browser declined a passkey; nothing was sent. */
  | { kind: 'cancelled' }

/** What came of a request to another route of the product. */
export type Answer<Data> =
  | { kind: 'ok', data: Data }
  | { kind: 'refused', code: string, text: string, errors: FormError[] }
  | Exclude<Outcome, { kind: 'done' | 'form' }>

export interface User<Traits> {
  id: string
  email: string | null
  traits: Traits
  verified: boolean
  /** RFC 3339. */
  expiresAt: string
}

/** `unknown`: the service or Kratos cannot say. Never read it as logged out. */
export type SessionState<Traits> =
  | { state: 'in', user: User<Traits> }
  /** With `lacks`, the password was right and the second factor is missing: call `secondFactor`. */
  | { state: 'out', lacks?: 'second_factor' }
  | { state: 'unknown', retryAfterSeconds: number | undefined }

export interface Device {
  id: string
  current: boolean
  authenticated_at: string | null
  user_agent: string | null
  ip_address: string | null
}

export interface ClientOptions {
  /** URL of the API; default: the page's own origin. */
  baseUrl?: string
  /** Path of the auth routes; default `/api/auth`. */
  prefix?: string
  fetch?: typeof fetch
}

export interface Options {
  signal?: AbortSignal | undefined
}

export interface InFlow extends Options {
  /** The flow of an earlier outcome; without it a new one is started. */
  flowId?: string | undefined
}

/** An answer of the API as the client reads it; status 0: none. */
export interface Reply {
  status: number
  /** Empty where the content is no object. */
  body: Record<string, unknown>
  /** JSON of any kind, or a text. */
  content: unknown
  retryAfterSeconds: number | undefined
}
