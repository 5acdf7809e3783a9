import { failedSubmit } from '../../flow/answers.js'
import type { Flow } from '../../flow/flow.js'
import { saveFlow } from '../../flow/lifecycle.js'
import { completeLogin } from '../../flows/login/completion.js'
import { FailedOpening } from '../../flows/login/failed-opening.js'
import { openLogin, sortLogin } from '../../flows/login/opening.js'
import { completeRegistration } from '../../flows/registration/completion.js'
import { openRegistration } from '../../flows/registration/opening.js'
import { sortRegistration } from '../../flows/registration/style.js'
import type { Answer } from '../../http/answer.js'
import type { Exchange } from '../../http/exchange.js'
import { validateIdentity } from '../../identity/extensions.js'
import type { Identity } from '../../identity/identity.js'
import type { JsonObject } from '../../json.js'
import { DuplicateError } from '../../store/identities.js'
import { identityFromClaims } from './claims.js'
import type { Provider } from './config.js'
import { linkedAccount, oidcCredential, oidcIdentifier, type ProviderTokens } from './credential.js'
import { inheriting, offerLinking } from './account-linking.js'
import { askForTraits } from './traits-form.js'
import { verify } from '../../identity/verified-address.js'

/** What is known about a visitor from a provider. */
export interface Visitor {
  provider: Provider
  claims: JsonObject
  tokens: ProviderTokens
  traits: JsonObject
}

const knownIdentity = ({ kratos }: Exchange, { provider, claims }: Visitor): Identity | undefined =>
  kratos.store.identities.byIdentifier('oidc', oidcIdentifier(provider.id, String(claims['sub'])))

/** Logs in a known visitor. For an unknown one the login becomes a registration without a form (recording 68). */
export async function signIn (ex: Exchange, flow: Flow, visitor: Visitor): Promise<Answer> {
  const identity = knownIdentity(ex, visitor)
  if (identity !== undefined) {
    return await completeLogin(
      ex,
      flow,
      { identity, method: { method: 'oidc', aal: 'aal1', provider: visitor.provider.id } },
      undefined,
    )
  }
  const registration = inheriting(ex.kratos, await openRegistration(ex, flow.type), flow)
  try {
    return await signUp(ex, registration, visitor)
  } catch (error) {
    return failedSignIn(ex, registration, visitor.provider.id, error)
  }
}

/** Registers an unknown visitor. For a known one the registration becomes a login. */
export async function signUp (ex: Exchange, flow: Flow, visitor: Visitor): Promise<Answer> {
  if (knownIdentity(ex, visitor) !== undefined) {
    return await signIn(ex, inheriting(ex.kratos, await openLogin(ex, flow.type, { isLinking: true }), flow), visitor)
  }
  const identity = await newcomer(ex, flow, visitor)
  try {
    return await completeRegistration(ex, flow, identity, 'oidc', visitor.provider.id)
  } catch (error) {
    if (error instanceof DuplicateError) return await offerLinking(ex, flow, identity, visitor.provider)
    throw new TraitsError(identity, error)
  }
}

/** A failure after which the form shows the current traits. */
class TraitsError extends Error {
  readonly identity: Identity

  constructor (identity: Identity, cause: unknown) {
    super('sign-up failed', { cause })
    this.identity = identity
  }
}

async function newcomer (
  { kratos }: Exchange,
  flow: Flow,
  { provider, claims, tokens, traits }: Visitor,
): Promise<Identity> {
  const schema = kratos.schemas.get(flow.identitySchema)
  const now = kratos.clock.now()
  const { identity, verified } = await identityFromClaims(kratos, provider, claims, schema.id, traits)
  try {
    validateIdentity(identity, schema, now)
  } catch (error) {
    throw new TraitsError(identity, error)
  }
  const isVerified = ({ via, value }: { via: string, value: string }): boolean =>
    verified.some((address) => address.via === via && address.value === value)
  for (const address of identity.verifiableAddresses.filter(isVerified)) verify(address, now)
  identity.credentials['oidc'] = oidcCredential([linkedAccount(provider.id, String(claims['sub']), tokens)], now)
  return identity
}

/** Shows a failure in the form. A registration asks for the traits that only the user can fill in. */
export function failedSignIn (ex: Exchange, flow: Flow, providerId: string, failure: unknown): Answer {
  if (failure instanceof FailedOpening) return failure.answer
  const error = failure instanceof TraitsError ? failure.cause : failure
  if (flow.kind === 'login') {
    return failedSubmit(ex, flow, error, { sort: sortLogin, htmlStatus: 303, ...appUrl(ex, flow) })
  }
  askForTraits(ex, flow, providerId, failure instanceof TraitsError ? failure.identity.traits : undefined)
  saveFlow(ex.kratos, flow)
  return failedSubmit(ex, flow, error, {
    sort: (flow) => sortRegistration(ex.kratos, flow),
    htmlStatus: 302,
    ...appUrl(ex, flow),
  })
}

/**
 * A native app's browser goes to return_to, and the app reads its flow. Without return_to, Go redirects to the folder
 * of the path.
 */
function appUrl (ex: Exchange, flow: Flow): { appUrl?: string } {
  if (flow.type !== 'api' || ex.kratos.store.exchanges.ofFlow(flow.id) === undefined) return {}
  return { appUrl: flow.returnTo === '' ? ex.path.slice(0, ex.path.lastIndexOf('/') + 1) : flow.returnTo }
}
