import type { ErrorCode } from '../errors.js'
import type { FlowName } from '../kratos-client/caller.js'
import { type Next, nextOfCode } from './outcome.js'

/** Where a client stands when it has to go on with another flow. */
export interface Standpoint {
  /** The flow that it was in; undefined outside of flows. */
  flow?: FlowName | undefined
  /** Why the step failed, if it did. */
  code?: ErrorCode | undefined
  /** It sent something that may be a session: a plain login would find it logged in already. */
  hasCredential: boolean
}

function restartOf ({ flow = 'login', code, hasCredential }: Standpoint): string {
  // The same flow would be switched off again.
  if (code === 'FLOW_DISABLED') return hasCredential ? 'settings' : 'login'
  if (code === 'FLOW_TYPE_MISMATCH') return `${flow}?type=browser`
  return flow === 'login' && hasCredential ? 'login?refresh=true' : flow
}

/** The flow that each word asks for, below the path of the flows; the others ask for none. */
const STARTS: Partial<Record<Next, (standpoint: Standpoint) => string>> = {
  restart: restartOf,
  step_up: () => 'login?aal=aal2',
  reauthenticate: () => 'login?refresh=true',
  verify: () => 'verification',
  settings: () => 'settings',
}

/**
 * `start`, which stands beside `next`: the path that starts the flow it asks for.
 * @param flowsPath path of the flows as clients see it; undefined where an app has no such routes
 */
export function startMembers (
  next: Next,
  standpoint: Standpoint,
  flowsPath: string | undefined,
): { start?: string } {
  const start = STARTS[next]?.(standpoint)
  return start === undefined || flowsPath === undefined ? {} : { start: `${flowsPath}/${start}` }
}

/** What follows from a refused session, outside of flows. */
const OF_SESSIONS = new Set<Next>(['step_up', 'reauthenticate', 'verify', 'settings'])

/** `next` and `start` of a refusal outside of flows; nothing for one that has nothing to do with the session. */
export function refusalMembers (
  code: ErrorCode,
  hasCredential: boolean,
  flowsPath: string | undefined,
): { next?: Next, start?: string } {
  const next = nextOfCode(code)
  return OF_SESSIONS.has(next) ? { next, ...startMembers(next, { code, hasCredential }, flowsPath) } : {}
}
