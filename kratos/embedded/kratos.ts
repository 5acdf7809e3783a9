import type { Clock } from './clock.js'
import type { Config } from './config/types.js'
import type { IdentitySchemas } from './identity/schemas.js'
import type { Sealer } from './session/sealer.js'
import type { Store } from './store/store.js'

/** One running server: all that handlers, methods and hooks share. */
export interface Kratos {
  readonly config: Config
  /** Folder of the configuration, from which file:// addresses count. */
  readonly folder: string
  /** Kratos' --dev. */
  readonly dev: boolean
  readonly version: string
  readonly clock: Clock
  readonly store: Store
  readonly schemas: IdentitySchemas
  readonly sealer: Sealer
  readonly log: (line: string) => void
  /** Aborts when the server closes: background work stops. */
  readonly closing: AbortSignal
  /** Work that nobody waits for, such as hooks whose answer is ignored; closing waits until it has stopped. */
  readonly background: Set<Promise<void>>
}
