import type { Json } from '../json.js'

const PROVIDER = 'selfservice.methods.oidc.config.providers[]'

/** Settings of Kratos versions after v26.2.0, which refuses them. They are left out and mentioned at start. */
export const NEWER: string[] = [
  'clients.smtp',
  'courier.templates.verifiable_address_changed',
  'feature_flags.{legacy_allow_insecure_origins,refresh_login_choose_address}',
  'selfservice.flows.logout.clear_browser_data',
  'selfservice.methods.passkey.config.{attestation,authenticator_selection,timeouts}',
  `${PROVIDER}.{aal2_acr_values,aal2_amr_values,update_identity_on_login}`,
]

/** Hooks of Kratos versions after v26.2.0. */
export const NEWER_HOOKS = ['verify_new_address', 'notify_previous_addresses']

const KNOWN = [26, 2, 0]

/** Whether a configuration says that it is for a Kratos after v26.2.0. */
export function isNewer (version: Json | undefined): boolean {
  const parts = /^v?(\d+)\.(\d+)\.(\d+)/.exec(String(version))?.slice(1).map(Number) ?? KNOWN
  const at = parts.findIndex((part, index) => part !== KNOWN[index])
  return at >= 0 && (parts[at] ?? 0) > (KNOWN[at] ?? 0)
}
