import type { Flow } from '../flow/flow.js'
import type { Answer } from '../http/answer.js'
import { methodDisabled } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import type { JsonObject } from '../json.js'
import type { Identity, VerifiableAddress } from '../identity/identity.js'
import type { Kratos } from '../kratos.js'
import type { UiMessage } from '../ui/message.js'
import type { AuthenticationMethod, Session } from '../session/session.js'

/** Result of a submit: not for this method, answered by it, or done with a result for the flow to go on with. */
export type Outcome<T> = { kind: 'not-responsible' } | { kind: 'answered', answer: Answer } | { kind: 'done', value: T }

export const NOT_RESPONSIBLE: { kind: 'not-responsible' } = { kind: 'not-responsible' }
export const done = <T>(value: T): { kind: 'done', value: T } => ({ kind: 'done', value })
export const answered = (answer: Answer): { kind: 'answered', answer: Answer } => ({ kind: 'answered', answer })

/**
 * Pages of the registration form. `unified`: everything at once. Two steps: `profile` first, then `credentials`.
 */
export type RegistrationPage = 'unified' | 'profile' | 'credentials'

/** A registration in two steps turns to its other page, with the traits as sent. */
export interface TurnPage { kind: 'turn-page', page: Exclude<RegistrationPage, 'unified'>, traits: JsonObject }

export interface RegistrationMethod {
  /** Adds this method's fields for a page, and takes away those of the other pages. */
  populate (ex: Exchange, flow: Flow, page: RegistrationPage): void
  /**
   * Fills the new identity with traits and this method's credential.
   * @throws FormError for what the user can mend; it has already put the sent values into the form
   */
  submit (ex: Exchange, flow: Flow, identity: Identity): Promise<Outcome<Identity> | TurnPage>
}

/** Pages of the login form. */
export type LoginPage =
  | { kind: 'first-factor' }
  | { kind: 'refresh', session: Session }
  | { kind: 'identifier' }
  | { kind: 'credentials', identity: Identity | undefined }
  | { kind: 'second-factor', session: Session }

/** A login that asks for the identifier first turns to the page with the credentials. */
export interface ShowCredentials { kind: 'turn-page', identifier: string, identity: Identity | undefined }

export interface LoginMethod {
  populate (ex: Exchange, flow: Flow, page: LoginPage): void
  /** @returns who proved to be whom, and what is then noted in the session */
  submit (ex: Exchange, flow: Flow, session: Session | undefined): Promise<Outcome<ProvenIdentity> | ShowCredentials>
  /**
   * Takes the first step of a stored flow where there is no choice. @returns whether it did; the flow is stored then
   * @param identifier empty for a second factor
   */
  anticipate? (ex: Exchange, flow: Flow, page: LoginPage, identifier: string): boolean
}

export interface ProvenIdentity { identity: Identity, method: Omit<AuthenticationMethod, 'completedAt'> }

export interface SettingsMethod {
  populate (ex: Exchange, flow: Flow, identity: Identity): void
  /** The fields of a submit that is for this method, else undefined. @throws FormError, or ApiError for a body that cannot be read */
  read (ex: Exchange, flow: Flow, session: Session): JsonObject | undefined
  /**
   * Does what the fields ask for, on an identity that is stored later.
   * @param form from `read`, or kept from before a detour to the login (recording 52)
   * @throws `refreshRequired` when the login is too long ago; FormError for what the user can mend
   */
  apply (ex: Exchange, flow: Flow, session: Session, form: JsonObject): Promise<Outcome<Identity>>
  /** Kept for after the login in API flows too, which have no cookies (recording 52). */
  pausesApiFlows?: true
}

/**
 * What a submit of a recovery or verification comes to: `shown` is the form again, `proven` its end, and `replaced` a flow
 * that cannot go on and leaves its place to a new one, which says why.
 */
export type ProofOutcome<T> =
  | { kind: 'not-responsible' }
  | { kind: 'answered', answer: Answer }
  | { kind: 'shown' }
  | { kind: 'proven', value: T }
  | { kind: 'replaced', type: 'api' | 'browser', cause: UiMessage | Error }

export interface RecoveredIdentity { identity: Identity, method: 'code_recovery' | 'link_recovery' }

export interface RecoveryMethod {
  /** Builds the first page. */
  populate (ex: Exchange, flow: Flow): void
  submit (ex: Exchange, flow: Flow): ProofOutcome<RecoveredIdentity>
}

export interface VerificationMethod {
  /** Builds the page for the flow's state. */
  populate (ex: Exchange, flow: Flow): void
  submit (ex: Exchange, flow: Flow): ProofOutcome<{ identity: Identity }>
  /** Sends an address what verifies it. */
  send (kratos: Kratos, flow: Flow, identity: Identity, address: VerifiableAddress): void
}

/**
 * One way to register, log in or change oneself. A method lives in one folder, exports one of these, and is named in
 * `registry.ts`; each part is present when the method plays a part in that flow.
 */
export interface Method {
  /** Name in `selfservice.methods` and in `method=` of a submit. */
  id: string
  /** Group of its nodes. */
  group: string
  registration?: RegistrationMethod
  login?: LoginMethod
  settings?: SettingsMethod
  recovery?: RecoveryMethod
  verification?: VerificationMethod
}

/** `code.passwordless_enabled` switches the method on, whatever `enabled` says. */
export function isEnabled ({ config }: Kratos, id: string): boolean {
  const method = config.selfservice.methods[id]
  return (method?.enabled ?? false) || (id === 'code' && method?.['passwordless_enabled'] === true)
}

/** @throws ApiError 404 for a method that is switched off (recordings 01, 18) */
export function ensureEnabled (kratos: Kratos, id: string): void {
  if (!isEnabled(kratos, id)) throw methodDisabled()
}
