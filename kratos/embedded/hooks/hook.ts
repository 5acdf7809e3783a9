import type { Flow } from '../flow/flow.js'
import type { Answer } from '../http/answer.js'
import type { Exchange } from '../http/exchange.js'
import type { Identity } from '../identity/identity.js'
import type { Session } from '../session/session.js'

/**
 * When hooks run: `before` a flow is opened, `pre-persist` with a checked identity that is not stored, `post-persist`
 * after it is stored. Login has only `post-persist`.
 */
export type HookStage = 'before' | 'pre-persist' | 'post-persist'

export interface HookRun {
  ex: Exchange
  flow: Flow
  stage: HookStage
  /** The method in use; empty before a flow. */
  method: string
  identity?: Identity
  session?: Session
}

/** A hook. If it returns an answer, the flow ends with it. */
export type Hook = (run: HookRun) => Promise<Answer | undefined>
