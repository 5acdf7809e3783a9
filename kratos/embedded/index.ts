import { systemClock, type Clock } from './clock.js'
import { readConfig } from './config/load.js'
import type { JsonObject } from './json.js'
import { listen, type Listener } from './http/server.js'
import { loadSchemas } from './identity/schemas.js'
import type { Kratos } from './kratos.js'
import { adminRoutes, publicRoutes } from './routes.js'
import { createSealer } from './session/sealer.js'
import { openStore } from './store/store.js'

export type { Clock } from './clock.js'

export interface EmbeddedKratosOptions {
  /** Path of a kratos.yml or its content; default the repository's kratos/kratos.yml. */
  config?: string | JsonObject
  /** Merged over the configuration. */
  overrides?: JsonObject
  /** Identity schema, or its path, to use instead of the configured ones. */
  schema?: string | JsonObject
  /** `memory` (default), or the path of a SQLite file. */
  database?: string
  clock?: Clock
  /** Default 127.0.0.1. */
  host?: string
  /** Default 0: any free port. */
  publicPort?: number
  adminPort?: number
  /**
   * Public base URL to use whatever the port; `keep` takes both from the configuration. Without it they follow the ports
   * when these are 0.
   */
  baseUrl?: string
  /** Kratos' --dev, default true: without it every cookie is Secure. */
  dev?: boolean
  /** Gets one line per notable event; default silent. */
  logger?: (line: string) => void
}

export interface EmbeddedKratos {
  publicUrl: string
  adminUrl: string
  version: string
  close (): Promise<void>
}

export const VERSION = 'v26.2.0-embedded'

/**
 * Starts a Kratos for development and tests in this process.
 * @throws when the configuration, a schema or a port cannot be used; nothing is left running then
 */
export async function startEmbeddedKratos (options: EmbeddedKratosOptions = {}): Promise<EmbeddedKratos> {
  const { values: config, folder } = readConfig(options.config, options.overrides)
  const { host = '127.0.0.1', publicPort = 0, adminPort = 0, dev = true, clock = systemClock, logger = () => {} } = options
  const closing = new AbortController()
  const schemas = loadSchemas({ values: config, folder, dev }, options.schema)
  const store = openStore(options.database === undefined || options.database === 'memory' ? ':memory:' : options.database)
  const kratos: Kratos = {
    config, folder, dev, clock, store, schemas, version: VERSION, sealer: createSealer(config.secrets.cookie), log: logger, closing: closing.signal
  }
  const listeners: Listener[] = []
  const close = async (): Promise<void> => {
    if (closing.signal.aborted) return
    closing.abort()
    await Promise.all(listeners.map(async listener => await listener.close()))
    store.close()
  }
  try {
    listeners.push(await listen(kratos, { host, port: publicPort, isPublic: true, routes: publicRoutes }))
    listeners.push(await listen(kratos, { host, port: adminPort, isPublic: false, routes: adminRoutes }))
  } catch (error) {
    await close()
    throw error
  }
  const [publicListener, adminListener] = listeners as [Listener, Listener]
  if (options.baseUrl !== undefined && options.baseUrl !== 'keep') config.serve.public.base_url = options.baseUrl
  if (options.baseUrl === undefined && publicPort === 0) config.serve.public.base_url = `${publicListener.url}/`
  if (options.baseUrl === undefined && adminPort === 0) config.serve.admin.base_url = `${adminListener.url}/`
  logger(`embedded Kratos ${VERSION}, for development and tests only: public ${publicListener.url}, admin ${adminListener.url}`)
  return { publicUrl: publicListener.url, adminUrl: adminListener.url, version: VERSION, close }
}
