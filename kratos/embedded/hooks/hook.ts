import type { Flow } from '../flow/flow.js'
import type { Answer } from '../http/answer.js'
import type { Exchange } from '../http/exchange.js'
import type { Identity } from '../identity/identity.js'
import type { Session } from '../session/session.js'

/**
 * When hooks run: `before` a flow is opened; `pre-persist` with an identity that is checked but not stored; `post-persist`
 * once it is. Login has `post-persist` only.
 */
export type HookStage = 'before' | 'pre-persist' | 'post-persist'

export interface HookRun {
  ex: Exchange
  flow: Flow
  stage: HookStage
  /** Name of the method in use; empty before. */
  method: string
  identity?: Identity
  session?: Session
}

/** A hook. An answer ends the flow with it; nothing lets it go on. */
export type Hook = (run: HookRun) => Promise<Answer | undefined>
