import type { Flow } from '../flow/flow.js'
import type { Answer } from '../http/answer.js'
import { methodDisabled } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import type { JsonObject } from '../json.js'
import type { Identity, VerifiableAddress } from '../identity/identity.js'
import type { Kratos } from '../kratos.js'
import type { UiMessage } from '../ui/message.js'
import type { AuthenticationMethod, Session } from '../session/session.js'

/** Result of a submit: for another method, already answered, or a value with which the flow continues. */
export type Outcome<T> = { kind: 'not-responsible' } | { kind: 'answered', answer: Answer } | { kind: 'done', value: T }

export const NOT_RESPONSIBLE: { kind: 'not-responsible' } = { kind: 'not-responsible' }
export const done = <T>(value: T): { kind: 'done', value: T } => ({ kind: 'done', value })
export const answered = (answer: Answer): { kind: 'answered', answer: Answer } => ({ kind: 'answered', answer })

/** Pages of the registration form: `unified` is a single page; in two steps `profile` precedes `credentials`. */
export type RegistrationPage = 'unified' | 'profile' | 'credentials'

/** A two-step registration shows its other page, with the submitted traits. */
export interface TurnPage {
  kind: 'turn-page'
  page: Exclude<RegistrationPage, 'unified'>
  traits: JsonObject
}

export interface RegistrationMethod {
  /** Adds this method's fields for a page and removes those of other pages. */
  populate(ex: Exchange, flow: Flow, page: RegistrationPage): void
  /**
   * Sets traits and this method's credential of the new identity.
   * @throws FormError for errors that the user can correct; the form already has the submitted values then
   */
  submit(ex: Exchange, flow: Flow, identity: Identity): Promise<Outcome<Identity> | TurnPage>
}

/** Pages of the login form. */
export type LoginPage =
  | { kind: 'first-factor' }
  | { kind: 'refresh', session: Session }
  | { kind: 'identifier' }
  | { kind: 'credentials', identity: Identity | undefined }
  | { kind: 'second-factor', session: Session }

/** An identifier-first login shows the page with the credentials. */
export interface ShowCredentials {
  kind: 'turn-page'
  identifier: string
  identity: Identity | undefined
}

export interface LoginMethod {
  populate(ex: Exchange, flow: Flow, page: LoginPage): void
  /** @returns who logged in, and by which method */
  submit(ex: Exchange, flow: Flow, session: Session | undefined): Promise<Outcome<ProvenIdentity> | ShowCredentials>
  /**
   * Takes the first step of a stored flow when the user has no choice.
   * @returns whether it did; then the flow is stored
   * @param identifier empty for a second factor
   */
  anticipate?(ex: Exchange, flow: Flow, page: LoginPage, identifier: string): boolean
}

export interface ProvenIdentity {
  identity: Identity
  method: Omit<AuthenticationMethod, 'completedAt'>
}

export interface SettingsMethod {
  populate(ex: Exchange, flow: Flow, identity: Identity): void
  /**
   * The fields of a submit for this method, otherwise undefined.
   * @throws FormError, or ApiError when the body cannot be read
   */
  read(ex: Exchange, flow: Flow, session: Session): JsonObject | undefined
  /**
   * Applies the fields to an identity, which the caller stores.
   * @param form from `read`, or from before a new login (recording 52)
   * @throws `refreshRequired` when the login is too old; FormError for errors that the user can correct
   */
  apply(ex: Exchange, flow: Flow, session: Session, form: JsonObject): Promise<Outcome<Identity>>
  /** Changes in API flows wait for a new login too, although API clients have no cookies (recording 52). */
  pausesApiFlows?: true
}

/**
 * Result of a submit to a recovery or verification: `shown` means the form again, `proven` the end, and `replaced` a
 * new flow for one that cannot continue.
 */
export type ProofOutcome<T> =
  | { kind: 'not-responsible' }
  | { kind: 'answered', answer: Answer }
  | { kind: 'shown' }
  | { kind: 'proven', value: T }
  | { kind: 'replaced', type: 'api' | 'browser', cause: UiMessage | Error }

export interface RecoveredIdentity {
  identity: Identity
  method: 'code_recovery' | 'link_recovery'
}

export interface RecoveryMethod {
  /** Builds the first page. */
  populate(ex: Exchange, flow: Flow): void
  submit(ex: Exchange, flow: Flow): ProofOutcome<RecoveredIdentity>
}

export interface VerificationMethod {
  /** Builds the page for the flow's state. */
  populate(ex: Exchange, flow: Flow): void
  submit(ex: Exchange, flow: Flow): ProofOutcome<{ identity: Identity }>
  /** Sends the code or link that verifies an address. */
  send(kratos: Kratos, flow: Flow, identity: Identity, address: VerifiableAddress): void
}

/**
 * One way to register, log in or change an identity. A method has its own folder, exports one of these and is listed in
 * `registry.ts`. It has a part for each flow in which it is used.
 */
export interface Method {
  /** Name in `selfservice.methods` and in `method=` of a submit. */
  id: string
  /** Group of its form nodes. */
  group: string
  registration?: RegistrationMethod
  login?: LoginMethod
  settings?: SettingsMethod
  recovery?: RecoveryMethod
  verification?: VerificationMethod
}

/** `code.passwordless_enabled` enables the method even if `enabled` is false. */
export function isEnabled ({ config }: Kratos, id: string): boolean {
  const method = config.selfservice.methods[id]
  return (method?.enabled ?? false) || (id === 'code' && method?.['passwordless_enabled'] === true)
}

/** @throws ApiError 404 for a disabled method (recordings 01, 18) */
export function ensureEnabled (kratos: Kratos, id: string): void {
  if (!isEnabled(kratos, id)) throw methodDisabled()
}
