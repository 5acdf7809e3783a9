import type { Hook } from './hook.js'

/**
 * `revoke_active_sessions`: ends the other sessions after login, recovery and settings (docs/kratos-facts.md, section
 * 13).
 */
export const revokeActiveSessions: Hook = async ({ ex, flow, stage, session }) => {
  if (stage !== 'post-persist' || session === undefined || !['login', 'settings', 'recovery'].includes(flow.kind)) {
    return undefined
  }
  ex.kratos.store.sessions.revokeOthers(session.identityId, session.id)
  return undefined
}
