import { newFlow, saveFlow } from '../../flow/lifecycle.js'
import type { Flow } from '../../flow/flow.js'
import type { Exchange } from '../../http/exchange.js'
import { runHooks } from '../../hooks/registry.js'
import type { Identity } from '../../identity/identity.js'
import { identityJson } from '../../identity/json.js'
import type { Kratos } from '../../kratos.js'
import { isEnabled } from '../../methods/method.js'
import { settingsMethods } from '../../methods/registry.js'
import { abort } from '../../session/continuity.js'
import type { Session } from '../../session/session.js'
import { sortNodes } from '../../ui/sort.js'

const GROUPS = ['default', 'profile', 'password', 'oidc', 'lookup_secret', 'webauthn', 'passkey', 'totp']
const LAST_KEYS = [
  'lookup_secret_reveal',
  'lookup_secret_regenerate',
  'lookup_secret_codes',
  'lookup_secret_confirm',
  'webauthn_remove',
  'webauthn_register_displayname',
  'webauthn_register',
  'passkey_remove',
  'passkey_register',
  'totp_qr',
  'totp_secret_key',
  'totp_unlink',
  'totp_code',
]

export function sortSettings (kratos: Kratos, flow: Flow, schemaId: string): void {
  sortNodes(flow.ui.nodes, { groups: GROUPS, keys: [...kratos.schemas.get(schemaId).keys, ...LAST_KEYS] })
}

/** Name under which a change waits for a new login. */
export const pausedName = (method: string): string => `ory_kratos_settings_${method}`

/**
 * Opens and stores a settings flow. Changes that waited for a new login are dropped.
 * @throws ApiError for a return_to that is not allowed
 */
export async function openSettings (
  ex: Exchange,
  identity: Identity,
  session: Session,
  type: 'api' | 'browser',
): Promise<Flow> {
  const flow = newFlow(ex, 'settings', type)
  flow.identityId = identity.id
  flow.identity = identityJson(ex.kratos, identity)
  await runHooks({ ex, flow, stage: 'before', method: '', session })
  for (const { id, settings } of settingsMethods().filter(({ id }) => isEnabled(ex.kratos, id))) {
    abort(ex, pausedName(id))
    settings.populate(ex, flow, identity)
  }
  sortSettings(ex.kratos, flow, identity.schemaId)
  saveFlow(ex.kratos, flow)
  return flow
}
