import { setMaxListeners } from 'node:events'
import { systemClock, type Clock } from './clock.js'
import { limits } from './config/limits.js'
import { readConfig } from './config/load.js'
import type { JsonObject } from './json.js'
import { createFaults, checkFault, type Fault, type FaultOptions } from './http/faults.js'
import { listen, type Listener } from './http/server.js'
import { loadSchemas } from './identity/schemas.js'
import type { Kratos } from './kratos.js'
import { adminRoutes, publicRoutes } from './routes.js'
import { createSealer } from './session/sealer.js'
import { openStore, type Store } from './store/store.js'
import { startOidcProvider, type OidcProvider } from './testing/oidc-provider.js'
import {
  createIdentity,
  expire,
  messagesTo,
  signIn,
  type IdentityJson,
  type SentMessage,
  type SignedIn,
  type SignInOptions,
} from './testing/people.js'

export type { Json, JsonObject } from './json.js'
export type { Clock } from './clock.js'
export type { Fault, FaultOptions } from './http/faults.js'
export type { Claims, OidcProvider } from './testing/oidc-provider.js'
export type { IdentityJson, SentMessage, SignedIn, SignInOptions } from './testing/people.js'

export interface EmbeddedKratosOptions {
  /** Path of a kratos.yml, or its content; default a packaged example with e-mail and password. */
  config?: string | JsonObject
  /** Base folder of relative file:// addresses when `config` is an object; default the working directory. */
  folder?: string
  /** Merged into the configuration. */
  overrides?: JsonObject
  /** Identity schema, or its path, instead of the configured ones. */
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
   * Public base URL, whatever the port is. `keep` takes both base URLs from the configuration. By default they follow
   * the ports if these are 0.
   */
  baseUrl?: string
  /** Kratos' --dev; default `dev` in the configuration, otherwise true. Without it every cookie is Secure. */
  dev?: boolean
  /** Called with one line per event; default silent. */
  logger?: (line: string) => void
  /** Starts an OpenID Connect provider too and configures it for social login. */
  oidcProvider?: true | { id?: string, label?: string }
}

export interface EmbeddedKratos {
  publicUrl: string
  adminUrl: string
  version: string
  /** Closes open requests and connections, and stops background work. */
  close(): Promise<void>
  /** Stores an identity of the default schema. With a password it can log in. */
  createIdentity(traits: JsonObject, password?: string): Promise<IdentityJson>
  /** Makes a session without a login. */
  signIn(identity: { id: string }, options?: SignInOptions): SignedIn
  /** Makes a session expire now. */
  expire(session: { id: string }): void
  /** Mails and text messages to an address, newest first. They are never sent. */
  messages(address: string): SentMessage[]
  /** Makes requests fail until it is cleared or used up. */
  fault(options: FaultOptions): Promise<Fault>
  /** The provider of the option `oidcProvider`. */
  oidcProvider?: OidcProvider
}

export const VERSION = 'v26.2.0-embedded'

/**
 * Starts a Kratos for development and tests in this process.
 * @throws when the configuration, a schema or a port cannot be used; then nothing keeps running
 */
export async function startEmbeddedKratos (options: EmbeddedKratosOptions = {}): Promise<EmbeddedKratos> {
  const { values: config, folder, ignored } = readConfig({ ...options, hasSchema: options.schema !== undefined })
  const {
    host = '127.0.0.1',
    publicPort = 0,
    adminPort = 0,
    dev = config.dev ?? true,
    clock = systemClock,
    logger = () => {},
  } = options
  const closing = new AbortController()
  // Each pending web hook listens for it, so that many listeners are no leak.
  setMaxListeners(0, closing.signal)
  const schemas = loadSchemas({ values: config, folder, dev }, options.schema)
  const store = openedStore(options.database ?? 'memory')
  const kratos: Kratos = {
    config,
    folder,
    dev,
    clock,
    store,
    schemas,
    version: VERSION,
    sealer: createSealer(config.secrets.cookie),
    log: logger,
    closing: closing.signal,
    background: new Set(),
  }
  const listeners: Listener[] = []
  const close = async (): Promise<void> => {
    if (closing.signal.aborted) return
    closing.abort()
    await Promise.all(listeners.map(async (listener) => await listener.close()))
    await Promise.all(kratos.background)
    await provider?.close()
    store.close()
  }
  let provider: OidcProvider | undefined
  const faults = { public: createFaults(), admin: createFaults() }
  try {
    if (options.oidcProvider !== undefined) {
      provider = await hostProvider(kratos, options.oidcProvider === true ? {} : options.oidcProvider)
    }
    listeners.push(
      await listen(kratos, { host, port: publicPort, isPublic: true, routes: publicRoutes, faults: faults.public }),
    )
    listeners.push(
      await listen(kratos, { host, port: adminPort, isPublic: false, routes: adminRoutes, faults: faults.admin }),
    )
  } catch (error) {
    await close()
    throw error
  }
  const [publicListener, adminListener] = listeners as [Listener, Listener]
  if (options.baseUrl !== undefined && options.baseUrl !== 'keep') config.serve.public.base_url = options.baseUrl
  if (options.baseUrl === undefined && publicPort === 0) config.serve.public.base_url = `${publicListener.url}/`
  if (options.baseUrl === undefined && adminPort === 0) config.serve.admin.base_url = `${adminListener.url}/`
  const urls = `public ${publicListener.url}, admin ${adminListener.url}`
  logger(`embedded Kratos ${VERSION}, for development and tests only: ${urls}`)
  for (const line of limits(ignored)) logger(line)
  return {
    publicUrl: publicListener.url,
    adminUrl: adminListener.url,
    version: VERSION,
    close,
    createIdentity: async (traits, password) => await createIdentity(kratos, traits, password),
    signIn: (identity, options) => signIn(kratos, identity, options),
    expire: (session) => expire(kratos, session),
    messages: (address) => messagesTo(kratos, address),
    fault: async (options) => {
      checkFault(options)
      const { port = 'public' } = options
      if (options.kind === 'refuse') return await refuse(port === 'admin' ? adminListener : publicListener)
      const { calls, remove } = faults[port].add(options)
      return {
        get calls () {
          return calls()
        },
        clear: async () => remove(),
      }
    },
    ...(provider === undefined ? {} : { oidcProvider: provider }),
  }
}

/** Starts a provider and adds it to the configuration. */
async function hostProvider ({ clock, config }: Kratos, names: { id?: string, label?: string }): Promise<OidcProvider> {
  const provider = await startOidcProvider({ ...names, clock })
  const { config: settings = {} } = config.selfservice.methods['oidc'] ?? {}
  const others = Array.isArray(settings['providers']) ? settings['providers'] : []
  config.selfservice.methods['oidc'] = {
    enabled: true,
    config: { ...settings, providers: [...others, provider.config] },
  }
  return provider
}

/** @throws Error that names the file */
function openedStore (database: string): Store {
  try {
    return openStore(database === 'memory' ? ':memory:' : database)
  } catch (error) {
    throw new Error(
      `the database ${database} cannot be used: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    )
  }
}

/** Nothing is counted, because refused connections are not seen. */
async function refuse (listener: Listener): Promise<Fault> {
  const resume = await listener.pause()
  let isCleared = false
  return {
    calls: 0,
    clear: async () => {
      if (!isCleared) await resume()
      isCleared = true
    },
  }
}
