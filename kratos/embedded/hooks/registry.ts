import type { AfterConfig, HookConfig } from '../config/types.js'
import type { Answer } from '../http/answer.js'
import type { JsonObject } from '../json.js'
import type { Hook, HookRun } from './hook.js'
import { revokeActiveSessions } from './revoke-active-sessions.js'
import { session } from './session.js'
import { requireVerifiedAddress } from './require-verified-address.js'
import { sendVerification, showVerificationUi } from './send-verification.js'
import { webHook } from './web-hook/web-hook.js'

/** Hooks by their names in a kratos.yml. */
const HOOKS: Record<string, (config: JsonObject) => Hook> = {
  revoke_active_sessions: () => revokeActiveSessions,
  session: () => session,
  verification: () => sendVerification,
  show_verification_ui: () => showVerificationUi,
  require_verified_address: () => requireVerifiedAddress,
  web_hook: webHook,
}

/** A hook that is left out was mentioned at start. */
const created = ({ hook, config = {} }: HookConfig): Hook[] => HOOKS[hook] === undefined ? [] : [HOOKS[hook](config)]

/**
 * The method's own list if it has one, otherwise the list for all methods: Kratos does not merge them. Hooks that can
 * object are only looked for in the method's own list; recovery and verification use only the list for all. `session`
 * runs last (docs/kratos-facts.md, section 17).
 */
function configured (after: AfterConfig, { flow, stage, method }: HookRun): HookConfig[] {
  const own = (after[method] as AfterConfig | undefined)?.hooks ?? []
  const shared = after.hooks ?? []
  const isShared = flow.kind === 'recovery' || flow.kind === 'verification' ||
    (stage === 'post-persist' && own.length === 0)
  const hooks = isShared ? shared : own
  return [
    ...hooks.filter(({ hook }) => hook !== 'session'),
    ...hooks.filter(({ hook }) => hook === 'session').slice(0, 1),
  ]
}

function hooksFor (run: HookRun): Hook[] {
  const { flow, stage } = run
  const { flows } = run.ex.kratos.config.selfservice
  if (stage === 'before') return flows[flow.kind].before.hooks.flatMap(created)
  const hooks = configured(flows[flow.kind].after, run).flatMap(created)
  // Kratos sends the verification mail before all configured hooks (recordings 05, 50).
  const isFirst = stage === 'post-persist' && (flow.kind === 'registration' || flow.kind === 'settings') &&
    flows.verification.enabled
  return isFirst ? [sendVerification, ...hooks] : hooks
}

/** Runs the configured hooks in turn until one answers. */
export async function runHooks (run: HookRun): Promise<Answer | undefined> {
  for (const hook of hooksFor(run)) {
    const answer = await hook(run)
    if (answer !== undefined) return answer
  }
  return undefined
}
