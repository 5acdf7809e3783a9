import type { Flow } from '../../flow/flow.js'
import type { Answer } from '../../http/answer.js'
import { csrfToken } from '../../http/csrf.js'
import { ApiError } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'
import { isJsonRequest } from '../../http/negotiation.js'
import { formError } from '../../identity/validation.js'
import type { Identity } from '../../identity/identity.js'
import type { JsonObject } from '../../json.js'
import { ensureEnabled, type Outcome, type SettingsMethod } from '../../methods/method.js'
import { settingsMethods } from '../../methods/registry.js'
import { pause, resume } from '../../session/continuity.js'
import type { Session } from '../../session/session.js'
import { resetMessages, upsertNode } from '../../ui/container.js'
import { MESSAGES } from '../../ui/message.js'
import { csrfNode } from '../../ui/node.js'
import { completeSettings } from './completion.js'
import { pausedName } from './opening.js'

/** How long a change waits for a new login. */
const PAUSE_MS = 15 * 60_000

type Applied = Outcome<Identity>

/** Offers the submit, or a change that waited for a new login, to the methods in turn. */
export async function submitChange (ex: Exchange, flow: Flow, session: Session): Promise<Answer> {
  for (const { id, settings } of settingsMethods()) {
    const outcome = await offer(ex, flow, session, id, settings)
    if (outcome.kind === 'answered') return outcome.answer
    if (outcome.kind === 'done') {
      return await completeSettings(ex, flow, { session, method: id, identity: outcome.value })
    }
  }
  throw formError(MESSAGES.noSettingsStrategy())
}

async function offer (
  ex: Exchange,
  flow: Flow,
  session: Session,
  id: string,
  settings: SettingsMethod,
): Promise<Applied> {
  const kept = keptForm(ex, flow, session, id)
  if (kept !== undefined) {
    ensureEnabled(ex.kratos, id)
    return await settings.apply(ex, flow, session, kept)
  }
  try {
    const form = settings.read(ex, flow, session)
    if (form !== undefined) return await applied(ex, flow, session, id, settings, form)
  } catch (error) {
    clear(ex, flow, id)
    throw error
  }
  clear(ex, flow, id)
  return { kind: 'not-responsible' }
}

/** Applies what was read. If the login is too old, the change waits for a new one. */
async function applied (
  ex: Exchange,
  flow: Flow,
  session: Session,
  id: string,
  settings: SettingsMethod,
  form: JsonObject,
): Promise<Applied> {
  try {
    return await settings.apply(ex, flow, session, form)
  } catch (error) {
    if (isRefreshRequired(error) && (flow.type === 'browser' || settings.pausesApiFlows === true)) {
      pause(ex, pausedName(id), {
        payload: { flow: flow.id, form },
        lifespanMs: PAUSE_MS,
        identityId: session.identityId,
      })
    }
    throw error
  }
}

/** Each method except profile clears earlier messages when it fails or is not meant (recording 50). */
function clear (ex: Exchange, flow: Flow, id: string): void {
  if (id === 'profile') return
  resetMessages(flow.ui)
  upsertNode(flow.ui, csrfNode(csrfToken(ex)))
}

/** The form that waited for a new login. Only browsers that navigate return to it. */
function keptForm (ex: Exchange, flow: Flow, session: Session, id: string): JsonObject | undefined {
  if (flow.type === 'api' || isJsonRequest(ex)) return undefined
  const kept = resume(ex, pausedName(id), session.identityId)
  return kept?.['flow'] === flow.id ? kept['form'] as JsonObject : undefined
}

const isRefreshRequired = (error: unknown): boolean =>
  error instanceof ApiError && error.fields.id === 'session_refresh_required'
