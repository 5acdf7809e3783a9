import type { FastifyInstance } from 'fastify'
import type { Dispatcher } from 'undici'
import authenticate from '../plugins/auth/authenticate.js'
import challenge from '../plugins/auth/challenge.js'
import cookie from '../plugins/auth/cookie.js'
import kratos from '../plugins/auth/kratos.js'
import kratosCaller from '../plugins/auth/kratos-caller.js'
import originGuard from '../plugins/auth/origin-guard.js'
import sessions from '../plugins/auth/sessions.js'
import throttle from '../plugins/auth/throttle.js'
import webhook from '../plugins/auth/webhook.js'
import { publicNames, type PublicNames } from './http/public-names.js'
import type { CallObserver } from './kratos-client/observed-client.js'
import type { AuthSettings } from './settings.js'
import type { Budget } from './throttling/budget.js'
import type { CredentialMemory } from './throttling/credential-memory.js'
import type { RateLimitStore } from './throttling/rate-limit-store.js'
import type { WebhookOptions } from './webhook/receiver.js'
import { accountData, flowsPath } from './http/own-names.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** What this app keeps of an account that is being deleted. */
    [accountData]: AccountData
    /** Path of the flows as clients see it; undefined where the app has no such routes. */
    [flowsPath]: string | undefined
  }
}

/** What an app keeps of an account, around the moment when Kratos deletes its identity. */
export interface AccountData {
  /** Before Kratos is asked; when it throws, nothing is deleted. */
  beginDeletion: (identityId: string) => Promise<void>
  /** Kratos did not delete it. */
  withdrawDeletion: (identityId: string) => Promise<void>
  /** Removes all of it, once Kratos has deleted the identity. */
  remove: (identityId: string) => Promise<void>
}

const NO_DATA: AccountData = {
  beginDeletion: async () => {},
  withdrawDeletion: async () => {},
  remove: async () => {},
}

/** What plugin and service do differently. */
export interface AuthParts {
  /** Where the counters of a login budget are kept; default: in the memory of this process. */
  createRateLimitStore?: ((budget: Budget) => RateLimitStore) | undefined
  /** Where is remembered whose second factor a session may prove; default: in the memory of this process. */
  credentialMemory?: CredentialMemory | undefined
  /** Key of the digests under which login budgets are counted; default: one of this process alone. */
  rateLimitKey?: string | undefined
  accountData?: Partial<AccountData> | undefined
  /** Kratos' webhook and purges; without it there are no receivers. */
  webhook?: WebhookOptions | undefined
  /** Keys of whoever may purge; default: those of the webhook. */
  purgeKeys?: readonly string[] | undefined
  /** Makes the connections to Kratos. */
  dispatcher?: Dispatcher | undefined
  /** Whether a route without `config.auth` may be there; by default every one may. */
  mayBeUnlabelled?: ((url: string) => boolean) | undefined
  /** Other names for what the app has already. */
  names?: Partial<PublicNames> | undefined
  /** Path of the flows in this app; undefined: it has none. */
  flowsPath?: string | undefined
  /** Told of each call to Kratos. */
  onCall?: CallObserver | undefined
}

/** A proxy may serve the API below a path of its own, which the base URL tells. */
const pathSeenByClients = ({ baseUrl }: AuthSettings, path: string | undefined): string | undefined =>
  path === undefined || baseUrl === undefined ? path : new URL(baseUrl).pathname.replace(/\/$/, '') + path

/**
 * Everything that plugin and service have in common: decorators on `app` that the routes live by. Nobody else registers
 * these parts.
 */
export async function registerAuth (
  app: FastifyInstance,
  settings: AuthSettings,
  parts: AuthParts = {},
): Promise<void> {
  const names = publicNames(parts.names)
  await app.register(kratosCaller, { settings })
  await app.register(kratos, { settings, onCall: parts.onCall, dispatcher: parts.dispatcher, names })
  await app.register(cookie, { settings })
  await app.register(challenge)
  await app.register(originGuard, { settings })
  await app.register(sessions, { settings, names })
  await app.register(authenticate, { mayBeUnlabelled: parts.mayBeUnlabelled, names })
  await app.register(throttle, {
    settings,
    createStore: parts.createRateLimitStore,
    memory: parts.credentialMemory,
    key: parts.rateLimitKey,
  })
  await app.register(webhook, { webhook: parts.webhook, purgeKeys: parts.purgeKeys ?? parts.webhook?.keys })
  app.decorate(flowsPath, pathSeenByClients(settings, parts.flowsPath))
  app.decorate(accountData, { ...NO_DATA, ...parts.accountData })
}
