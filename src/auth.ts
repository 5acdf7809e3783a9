import type { KeyObject } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Dispatcher } from 'undici'
import authenticate from '../plugins/auth/authenticate.js'
import challenge from '../plugins/auth/challenge.js'
import cookie from '../plugins/auth/cookie.js'
import kratos from '../plugins/auth/kratos.js'
import kratosCaller from '../plugins/auth/kratos-caller.js'
import originGuard from '../plugins/auth/origin-guard.js'
import sessionEnd from '../plugins/auth/session-end.js'
import sessions from '../plugins/auth/sessions.js'
import throttle from '../plugins/auth/throttle.js'
import webhook from '../plugins/auth/webhook.js'
import { publicNames, type PublicNames } from './http/public-names.js'
import type { CallObserver } from './kratos-client/observed-client.js'
import type { PoolTimes } from './kratos-client/pools.js'
import type { Bus } from './sessions/bus.js'
import type { AuthSettings } from './settings.js'
import type { Budget } from './throttling/budget.js'
import type { CredentialMemory } from './throttling/credential-memory.js'
import type { RateLimitStore } from './throttling/rate-limit-store.js'
import type { WebhookOptions } from './webhook/receiver.js'
import type { AuthEvents } from './http/auth-events.js'
import { accountData, authEvents, flowsPath } from './http/own-names.js'

declare module 'fastify' {
  interface FastifyInstance {
    [accountData]: AccountData
    /** Path of the flows as clients see it; undefined where the app has no such routes. */
    [flowsPath]: string | undefined
    /** Undefined where nobody is to hear of them. */
    [authEvents]: AuthEvents | undefined
  }
}

/** What an app keeps of an account, around the moment when Kratos deletes its identity. */
export interface AccountData {
  /** Before Kratos is asked; when it throws, nothing is deleted. @returns takes it back: Kratos did not delete it */
  beginDeletion: (identityId: string) => Promise<() => Promise<void>>
  /** Removes all of it, once Kratos has deleted the identity. */
  remove: (identityId: string, context: { requestId: string }) => Promise<void>
}

const NO_DATA: AccountData = {
  beginDeletion: async () => async () => {},
  remove: async () => {},
}

/** What plugin and service do differently; counters and memories are by default those of this process alone. */
export interface AuthParts {
  createRateLimitStore?: ((budget: Budget) => RateLimitStore) | undefined
  credentialMemory?: CredentialMemory | undefined
  /** Key of the digests under which login budgets are counted. */
  rateLimitKey?: KeyObject | undefined
  accountData?: Partial<AccountData> | undefined
  /** Hears of sessions and second factors; costs a question to Kratos at a logout, which tells whose session it was. */
  events?: AuthEvents | undefined
  webhook?: WebhookOptions | undefined
  /** Default: those of the webhook. */
  purgeKeys?: readonly string[] | undefined
  dispatcher?: Dispatcher | undefined
  /** Carries purges to other replicas. */
  bus?: Bus | undefined
  /** Whether a route without `config.auth` may be there; by default every one may. */
  mayBeUnlabelled?: ((url: string) => boolean) | undefined
  /** For names that the app has already. */
  names?: Partial<PublicNames> | undefined
  /** Path of the flows in this app; undefined: it has none. */
  flowsPath?: string | undefined
  onCall?: CallObserver | undefined
  /** Told how long each call waited for a connection, and how long Kratos took. */
  onTimes?: PoolTimes | undefined
}

/** A proxy may serve the API below a path of its own, which the base URL tells. */
const pathSeenByClients = ({ baseUrl }: AuthSettings, path: string | undefined): string | undefined =>
  path === undefined || baseUrl === undefined ? path : new URL(baseUrl).pathname.replace(/\/$/, '') + path

/** Everything that plugin and service have in common. Nobody else registers these parts. */
export async function registerAuth (
  app: FastifyInstance,
  settings: AuthSettings,
  parts: AuthParts = {},
): Promise<void> {
  const names = publicNames(parts.names)
  await app.register(kratosCaller, { settings })
  await app.register(kratos, {
    settings,
    onCall: parts.onCall,
    onTimes: parts.onTimes,
    dispatcher: parts.dispatcher,
    names,
  })
  await app.register(cookie, { settings })
  await app.register(challenge)
  await app.register(originGuard, { settings })
  await app.register(sessions, { settings, names, bus: parts.bus })
  await app.register(authenticate, { mayBeUnlabelled: parts.mayBeUnlabelled, names })
  await app.register(sessionEnd, { names })
  await app.register(throttle, {
    settings,
    createStore: parts.createRateLimitStore,
    memory: parts.credentialMemory,
    key: parts.rateLimitKey,
  })
  await app.register(webhook, { settings, webhook: parts.webhook, purgeKeys: parts.purgeKeys ?? parts.webhook?.keys })
  app.decorate(flowsPath, pathSeenByClients(settings, parts.flowsPath))
  app.decorate(authEvents, parts.events)
  app.decorate(accountData, { ...NO_DATA, ...parts.accountData })
}
