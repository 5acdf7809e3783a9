import { setMaxListeners } from 'node:events'
import { systemClock, type Clock } from './clock.js'
import { messagesPageRoutes } from './admin/messages-page.js'
import { movedBaseUrl } from './config/base-url.js'
import { createCourier, delivers } from './courier/courier.js'
import { idleCourier } from './courier/handle.js'
import { loadTemplates } from './courier/custom-templates.js'
import { limits } from './config/limits.js'
import { readConfig, type ConfigPart } from './config/load.js'
import type { JsonObject } from './json.js'
import { createFaults, type Fault, type FaultOptions } from './http/faults.js'
import { listen, type Listener } from './http/server.js'
import { loadSchemas } from './identity/schemas.js'
import type { Kratos } from './kratos.js'
import { adminRoutes, publicRoutes } from './routes.js'
import { createSealer } from './session/sealer.js'
import { addProvider, playedProviders, playProvider } from './methods/oidc/played.js'
import { openStore, type Store } from './store/store.js'
import { makeFault } from './testing/make-fault.js'
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
export type { OidcProvider } from './testing/oidc-provider.js'
export type { Claims } from './testing/oidc-realm.js'
export type { IdentityJson, SentMessage, SignedIn, SignInOptions } from './testing/people.js'

export interface EmbeddedKratosOptions {
  /**
   * Path of a kratos.yml, or its content; default a packaged example with e-mail and password, which calls nobody. Of
   * several, later ones are merged over earlier ones.
   */
  config?: ConfigPart | ConfigPart[]
  /** Settings in Kratos' naming, such as `SESSION_LIFESPAN`; default the environment of the process. */
  env?: Record<string, string | undefined>
  /** Fails at settings that are left out because they are not built; default: they are mentioned in the log. */
  strict?: boolean
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
   * the ports; the base URL of a proxy only if the port is 0.
   */
  baseUrl?: string
  /** Kratos' --dev; default `dev` in the configuration, otherwise true. Without it every cookie is Secure. */
  dev?: boolean
  /**
   * Kratos' --watch-courier: whether mails and text messages leave; default true. They only do if the given
   * configuration names a mail server or a receiver of HTTP requests.
   */
  watchCourier?: boolean
  /** Shows all messages on a page at `/` of the admin port; default false. */
  messagesPage?: boolean
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
  /** Mails and text messages to an address, newest first. */
  messages(address: string): SentMessage[]
  /** Makes requests fail until it is cleared or used up. */
  fault(options: FaultOptions): Promise<Fault>
  /** The provider of the option `oidcProvider`, or of providers that it plays, such as google. */
  oidcProvider?: OidcProvider
}

export const VERSION = 'v26.2.0-embedded'

/**
 * Starts a Kratos for development and tests in this process.
 * @throws when the configuration, a schema or a port cannot be used; then nothing keeps running
 */
export async function startEmbeddedKratos (options: EmbeddedKratosOptions = {}): Promise<EmbeddedKratos> {
  const read = readConfig({ ...options, hasSchema: options.schema !== undefined })
  const { values: config, folder } = read
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
  const schemas = await loadSchemas({ values: config, folder, dev }, options.schema)
  const { templates, leftOut: leftOutTemplates } = await loadTemplates(config, folder)
  if (options.strict === true && leftOutTemplates.length > 0) {
    throw new Error(`message templates would be left out:${leftOutTemplates.map((line) => `\n  ${line}`).join('')}`)
  }
  const store = openedStore(options.database ?? 'memory')
  const isDelivering = options.watchCourier !== false && delivers(config)
  const kratos: Kratos = {
    config,
    folder,
    dev,
    clock,
    store,
    schemas,
    version: VERSION,
    templates,
    courier: isDelivering ? createCourier(() => kratos) : idleCourier,
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
    const { oidcProvider } = options
    const played = playedProviders(config)
    if (oidcProvider !== undefined || played.length > 0) {
      provider = await startOidcProvider({ ...(oidcProvider === true ? {} : oidcProvider), clock })
      if (oidcProvider !== undefined) addProvider(config, provider)
      for (const entry of played) playProvider(entry, provider)
      const names = played.map(({ id }) => String(id)).join(', ')
      if (names !== '') logger(`social login with ${names} is played by the built-in provider at ${provider.issuer}`)
    }
    listeners.push(
      await listen(kratos, { host, port: publicPort, isPublic: true, routes: publicRoutes, faults: faults.public }),
    )
    listeners.push(
      await listen(kratos, {
        host,
        port: adminPort,
        isPublic: false,
        routes: options.messagesPage === true ? [...messagesPageRoutes, ...adminRoutes] : adminRoutes,
        faults: faults.admin,
      }),
    )
  } catch (error) {
    await close()
    throw error
  }
  const [publicListener, adminListener] = listeners as [Listener, Listener]
  const ports = { faults, listeners: { public: publicListener, admin: adminListener } }
  if (options.baseUrl !== undefined && options.baseUrl !== 'keep') config.serve.public.base_url = options.baseUrl
  if (options.baseUrl === undefined) {
    const { public: open, admin } = config.serve
    open.base_url = publicPort === 0 ? `${publicListener.url}/` : movedBaseUrl(open.base_url, open.port, publicPort)
    admin.base_url = adminPort === 0 ? `${adminListener.url}/` : movedBaseUrl(admin.base_url, admin.port, adminPort)
  }
  const urls = `public ${publicListener.url}, admin ${adminListener.url}`
  logger(`embedded Kratos ${VERSION}, for development and tests only: ${urls}`)
  for (const line of limits(read)) logger(line)
  for (const line of leftOutTemplates) logger(`left out message template: ${line}`)
  kratos.courier.wake()
  return {
    publicUrl: publicListener.url,
    adminUrl: adminListener.url,
    version: VERSION,
    close,
    createIdentity: async (traits, password) => await createIdentity(kratos, traits, password),
    signIn: (identity, options) => signIn(kratos, identity, options),
    expire: (session) => expire(kratos, session),
    messages: (address) => messagesTo(kratos, address),
    fault: async (options) => await makeFault(ports, options),
    ...(provider === undefined ? {} : { oidcProvider: provider }),
  }
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
