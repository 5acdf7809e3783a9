import type { Flow } from '../../flow/flow.js'
import type { Kratos } from '../../kratos.js'
import { formKeys, sortNodes } from '../../ui/sort.js'

/** Profile first, then credentials. The legacy setting overrides `style` (recordings 06, 07, 08). */
export function isTwoSteps ({ config }: Kratos): boolean {
  const { style, enable_legacy_one_step: isLegacy } = config.selfservice.flows.registration
  return !isLegacy && style === 'profile_first'
}

const GROUPS = ['oidc', 'saml', 'default', 'webauthn', 'passkey', 'code', 'password', 'captcha', 'profile']
const LAST_KEYS = ['webauthn_remove', 'webauthn_register_displayname', 'webauthn_register']

export function sortRegistration (kratos: Kratos, flow: Flow): void {
  const { keys } = kratos.schemas.get(flow.identitySchema)
  sortNodes(flow.ui.nodes, { groups: GROUPS, keys: [...formKeys(keys), ...LAST_KEYS] })
}
