import type { Clock } from './clock.js'
import type { Config } from './config/types.js'
import type { Courier } from './courier/handle.js'
import type { MessageTemplates } from './courier/custom-templates.js'
import type { IdentitySchemas } from './identity/schemas.js'
import type { Sealer } from './session/sealer.js'
import type { Store } from './store/store.js'

/** One running server: what handlers, methods and hooks share. */
export interface Kratos {
  readonly config: Config
  /** Base folder of file:// addresses. */
  readonly folder: string
  /** Kratos' --dev. */
  readonly dev: boolean
  readonly version: string
  readonly clock: Clock
  readonly store: Store
  readonly schemas: IdentitySchemas
  readonly sealer: Sealer
  /** Message texts of the configuration. */
  readonly templates: MessageTemplates
  readonly courier: Courier
  readonly log: (line: string) => void
  /** Aborts when the server closes. */
  readonly closing: AbortSignal
  /** Work that is not awaited, such as hooks whose answer is ignored. Closing waits for it to stop. */
  readonly background: Set<Promise<void>>
}
