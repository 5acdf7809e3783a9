import type { JsonObject } from '../../json.js'
import type { Hook, HookRun } from '../hook.js'
import { templateContext } from './context.js'
import { deliver } from './delivery.js'
import { hookSettings, type HookSettings } from './settings.js'
import { renderTemplate } from './template.js'
import { notEmbedded } from '../../http/errors.js'

/** Hooks whose answer counts run before the identity is stored, the others after (facts 17). */
function isDue ({ stage, flow }: HookRun, { canInterrupt, parse }: HookSettings): boolean {
  if (stage === 'before' || flow.kind === 'login') return true
  return (canInterrupt || parse) === (stage === 'pre-persist')
}

/** `web_hook`: sends a Jsonnet body to a URL (recordings 70 to 78). */
export function webHook (config: JsonObject): Hook {
  const settings = hookSettings(config)
  return async (run) => {
    if (!isDue(run, settings)) return undefined
    if (settings.canInterrupt || settings.parse) throw notEmbedded('web_hook with can_interrupt or response.parse is not built.')
    const context = templateContext(run)
    const body = await renderTemplate(run.ex.kratos, settings, context)
    if (body === undefined) return undefined
    if (settings.ignoreResponse) {
      // Not awaited: the answer goes out first, failures stay in the log (recording 70).
      deliver(run.ex.kratos, settings, body).catch(error => run.ex.kratos.log(`web hook ${settings.url}: ${String(error)}`))
      return undefined
    }
    await deliver(run.ex.kratos, settings, body)
    return undefined
  }
}
