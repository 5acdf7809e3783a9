import { saveFlow } from '../../flow/lifecycle.js'
import { ApiError } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'
import type { Identity } from '../../identity/identity.js'
import type { Kratos } from '../../kratos.js'
import type { Flow } from '../../flow/flow.js'
import { MESSAGES } from '../../ui/message.js'
import { answered, ensureEnabled, NOT_RESPONSIBLE, type LoginMethod } from '../method.js'
import { providerById, providers, type Provider } from './config.js'
import { linkedAccounts } from './credential.js'
import { toProvider } from './detour.js'
import { isMeant, readOidcForm } from './form.js'
import { addProviders, removeProvider } from './nodes.js'

/** Providers that the identity can sign in with. */
const linked = (kratos: Kratos, identity: Identity | undefined): Provider[] => {
  const accounts = linkedAccounts(identity?.credentials['oidc'])
  return providers(kratos).filter(({ id }) => accounts.some((account) => account.provider === id))
}

export const login: LoginMethod = {
  populate: (ex, flow, page) => {
    const { kratos } = ex
    switch (page.kind) {
      case 'first-factor':
      case 'identifier':
        addProviders(ex, flow.ui, providers(kratos), MESSAGES.signInWith)
        return
      case 'refresh':
        addProviders(
          ex,
          flow.ui,
          linked(kratos, kratos.store.identities.get(page.session.identityId)),
          MESSAGES.signInWith,
        )
        return
      case 'credentials':
        showLinked(ex, flow, page.identity)
    }
  },

  submit: async (ex, flow) => {
    const { kratos } = ex
    if (flow.requestedAal !== 'aal1') return NOT_RESPONSIBLE
    const form = readOidcForm(ex, kratos.schemas.get(flow.identitySchema))
    if (!isMeant(form)) return NOT_RESPONSIBLE
    ensureEnabled(kratos, 'oidc')
    flow.transientPayload = form.transientPayload
    const provider = providerById(kratos, form.provider)
    refuseIdToken(form.idToken)
    const answer = await toProvider(ex, flow, provider, form)
    flow.active = 'oidc'
    saveFlow(kratos, flow)
    return answered(answer)
  },
}

/**
 * Second page of an identifier-first login: only the identity's own providers, unless account enumeration is mitigated.
 */
function showLinked (ex: Exchange, flow: Flow, identity: Identity | undefined): void {
  const { kratos } = ex
  if (kratos.config.security.account_enumeration.mitigate || identity === undefined) return
  for (const { id } of providers(kratos)) removeProvider(flow.ui, id)
  const own = linked(kratos, identity)
  if (own.length > 0) addProviders(ex, flow.ui, own, MESSAGES.signInWith)
}

/** Only some providers accept an ID token from a native app, and none of them is built. @throws ApiError 502 */
export function refuseIdToken (idToken: string): void {
  if (idToken === '') return
  throw new ApiError({
    id: 'upstream_error',
    code: 502,
    message: 'Upstream error',
    reason: 'The provider generic does not support id_token verification',
  })
}
