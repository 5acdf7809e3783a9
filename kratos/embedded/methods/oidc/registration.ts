import type { Flow } from '../../flow/flow.js'
import { saveFlow } from '../../flow/lifecycle.js'
import type { Exchange } from '../../http/exchange.js'
import { MESSAGES } from '../../ui/message.js'
import { answered, ensureEnabled, NOT_RESPONSIBLE, type RegistrationMethod } from '../method.js'
import { providerById, providers } from './config.js'
import { toProvider } from './detour.js'
import { isMeant, readOidcForm, type OidcForm } from './form.js'
import { refuseIdToken } from './login.js'
import { addProviders } from './nodes.js'
import { askForTraits } from './traits-form.js'

export const registration: RegistrationMethod = {
  populate: (ex, flow) => addProviders(ex, flow.ui, providers(ex.kratos), MESSAGES.signUpWith),

  submit: async (ex, flow) => {
    const { kratos } = ex
    const form = readable(ex, flow)
    if (!isMeant(form)) return NOT_RESPONSIBLE
    ensureEnabled(kratos, 'oidc')
    flow.transientPayload = form.transientPayload
    const provider = providerById(kratos, form.provider)
    refuseIdToken(form.idToken)
    const answer = await toProvider(ex, flow, provider, form)
    if (flow.type === 'api') saveFlow(kratos, flow)
    return answered(answer)
  },
}

/**
 * The form of the submit. This method reads the submits of those after it too, and one that it cannot read leaves the
 * form of a sign-up that a provider has begun (tried on v26.2.0).
 */
function readable (ex: Exchange, flow: Flow): OidcForm {
  try {
    return readOidcForm(ex, ex.kratos.schemas.get(flow.identitySchema))
  } catch (error) {
    askForTraits(ex, flow, '', undefined)
    throw error
  }
}
