import { saveFlow } from '../../flow/lifecycle.js'
import { MESSAGES } from '../../ui/message.js'
import { answered, ensureEnabled, NOT_RESPONSIBLE, type RegistrationMethod } from '../method.js'
import { providerById, providers } from './config.js'
import { toProvider } from './detour.js'
import { isMeant, readOidcForm } from './form.js'
import { refuseIdToken } from './login.js'
import { addProviders } from './nodes.js'

export const registration: RegistrationMethod = {
  populate: (ex, flow) => addProviders(ex, flow.ui, providers(ex.kratos), MESSAGES.signUpWith),

  submit: async (ex, flow) => {
    const { kratos } = ex
    const form = readOidcForm(ex, kratos.schemas.get(flow.identitySchema))
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
