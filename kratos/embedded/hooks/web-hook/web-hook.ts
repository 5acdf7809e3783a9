import { plainError } from '../../http/errors.js'
import type { JsonObject } from '../../json.js'
import type { Kratos } from '../../kratos.js'
import type { Hook, HookRun } from '../hook.js'
import { applyAnswer, HookObjection, NobodyToChange } from './answer.js'
import { templateContext } from './context.js'
import { deliver, type HookAnswer } from './delivery.js'
import { ensureConsistent, hookSettings, isDecisive, type HookSettings } from './settings.js'
import { renderTemplate } from './template.js'

/**
 * Hooks whose answer matters run before the identity is stored, the others after (docs/kratos-facts.md, section 17). A
 * login stores no identity.
 */
function isDue ({ stage, flow }: HookRun, settings: HookSettings): boolean {
  const stores = flow.kind === 'registration' || flow.kind === 'settings'
  return stage === 'before' || !stores || isDecisive(settings) === (stage === 'pre-persist')
}

/** `web_hook`: sends a Jsonnet body to a URL and uses the answer as configured (recordings 70 to 78). */
export function webHook (config: JsonObject): Hook {
  const settings = hookSettings(config)
  return async (run) => {
    if (!isDue(run, settings)) return undefined
    ensureConsistent(settings)
    const { kratos } = run.ex
    const context = templateContext(run)
    if (settings.ignoreResponse) {
      inBackground(kratos, settings, structuredClone(context))
      return undefined
    }
    const answer = await call(kratos, settings, context)
    if (answer !== undefined) decide(run, settings, answer)
    return undefined
  }
}

/** @returns undefined when the template cancels the call */
async function call (kratos: Kratos, settings: HookSettings, context: JsonObject): Promise<HookAnswer | undefined> {
  const body = await renderTemplate(settings, context, kratos.folder)
  return body === undefined ? undefined : await deliver(kratos, settings, body)
}

/** Not awaited: the client gets its answer first, and failures are only logged (recording 70). */
function inBackground (kratos: Kratos, settings: HookSettings, context: JsonObject): void {
  const work = call(kratos, settings, context)
    .then((answer) => {
      if (answer !== undefined) applyAnswer(answer, settings, undefined, kratos.clock.now())
    })
    .catch((error) => {
      if (!kratos.closing.aborted) kratos.log(`web hook ${settings.url}: ${String(error)}`)
    })
    .finally(() => {
      kratos.background.delete(work)
    })
  kratos.background.add(work)
}

/** Except for a login, opening a flow has no form that could show an objection. */
function decide ({ ex, flow, stage, identity }: HookRun, settings: HookSettings, answer: HookAnswer): void {
  try {
    applyAnswer(answer, settings, identity, ex.kratos.clock.now())
  } catch (error) {
    if (error instanceof NobodyToChange) {
      ex.isDropped = true
      ex.kratos.log(`web hook ${settings.url}: ${error.message}`)
    }
    throw error instanceof HookObjection && stage === 'before' && flow.kind !== 'login'
      ? plainError(error.summary)
      : error
  }
}
