import { join } from 'node:path'
import autoload from '@fastify/autoload'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import authenticate from '../plugins/authenticate.js'
import kratosCaller from '../plugins/kratos-caller.js'
import cookie from '../plugins/cookie.js'
import kratos from '../plugins/kratos.js'
import originGuard from '../plugins/origin-guard.js'
import { applyHttpRules } from './http/rules.js'
import type { Deadlines } from './kratos-client/client.js'
import { type AuthSettings, DEFAULT_COOKIE_NAME, DEFAULT_DEADLINES } from './settings.js'
import { isHttpUrl, isOrigin } from './url-rules.js'
import { isStrongKey, MIN_WEBHOOK_KEY_BYTES } from './webhook/key.js'
import { addWebhookReceiver, type WebhookReceiverOptions } from './webhook/receiver.js'

export type * from './kratos-client/session.js'
export type { Answer, Accepted, Refusal } from './kratos-client/answer.js'
export type { Caller, Deadlines, FlowName, FlowType, KratosClient, SessionOutcome } from './kratos-client/client.js'
export type { Credential } from './kratos-client/credential.js'
export type { Fault } from './kratos-client/fault.js'
export type { ErrorCode } from './errors.js'
export type { WebhookIdentity } from './webhook/identity.js'

export interface FastifyKratosOptions {
  /** Kratos' public port as this process reaches it. */
  publicUrl: string
  /** Kratos' `serve.public.base_url`, where it differs from `publicUrl`. */
  browserUrl?: string
  /** Where clients reach this app; without it each request's own scheme and host serve. */
  baseUrl?: string
  /** Where a completed logout lands; default: the first of `origins`, else the root of this host. */
  frontendUrl?: string
  /** Exact origins of front ends on other origins that may send state-changing requests with cookies; their CORS headers are the app's business. */
  origins?: readonly string[]
  /** Kratos' `session.cookie.name`. */
  cookieName?: string
  /** Overall limits of a call to Kratos, in milliseconds. */
  deadlines?: Partial<Deadlines>
  /** The auth routes (flows, whoami, logout) under a prefix, `/api/auth` by default; false: none. */
  routes?: false | { prefix?: string }
  /** Kratos' webhook receiver, at `/internal/auth/user-created` by default; without it there is none. */
  webhook?: WebhookReceiverOptions & { path?: string }
}

export const DEFAULT_PREFIX = '/api/auth'
export const DEFAULT_WEBHOOK_PATH = '/internal/auth/user-created'

/** What is wrong with the options, in words; registration fails with all of it at once. */
function problems ({ publicUrl, browserUrl, baseUrl, frontendUrl, origins = [], webhook }: FastifyKratosOptions): string[] {
  const urls = Object.entries({ publicUrl, browserUrl, baseUrl, frontendUrl }).filter(([name, url]) => name === 'publicUrl' || url !== undefined)
  return [
    ...urls.filter(([, url]) => typeof url !== 'string' || !isHttpUrl(url)).map(([name]) => `${name} wants an http(s) URL without credentials, query or fragment`),
    ...(origins.every(isOrigin) ? [] : ['origins wants exact origins such as https://app.example.com']),
    ...(webhook === undefined || (webhook.keys.length > 0 && webhook.keys.every(isStrongKey))
      ? []
      : [`webhook.keys wants at least one key of at least ${MIN_WEBHOOK_KEY_BYTES} bytes`]),
  ]
}

function settingsOf (options: FastifyKratosOptions): AuthSettings {
  const origins = options.origins ?? []
  return {
    kratosPublicUrl: options.publicUrl,
    kratosBrowserUrl: options.browserUrl ?? options.publicUrl,
    baseUrl: options.baseUrl?.replace(/\/+$/, ''),
    frontendUrl: options.frontendUrl ?? (origins[0] === undefined ? undefined : `${origins[0]}/`),
    origins,
    cookieName: options.cookieName ?? DEFAULT_COOKIE_NAME,
    deadlines: { ...DEFAULT_DEADLINES, ...options.deadlines },
  }
}

async function registerRoutes (app: FastifyInstance, settings: AuthSettings, prefix: string, https: boolean): Promise<void> {
  await app.register(async (scope) => {
    applyHttpRules(scope, { https })
    await scope.register(autoload, { dir: join(import.meta.dirname, '../routes/api/auth'), options: { settings } })
  }, { prefix })
}

async function registerWebhook (app: FastifyInstance, webhook: NonNullable<FastifyKratosOptions['webhook']>, https: boolean): Promise<void> {
  await app.register(async (scope) => {
    applyHttpRules(scope, { https })
    addWebhookReceiver(scope, webhook.path ?? DEFAULT_WEBHOOK_PATH, webhook)
  })
}

/**
 * Ory Kratos behind an existing Fastify 5 app: `app.kratos`, `app.authenticate`, `app.authenticateOptional`,
 * `request.kratosSession`, the auth routes and, with `webhook`, Kratos' webhook receiver. Error handler, parsers and
 * headers of the app stay as they are; the plugin's manners are those of its own routes only.
 * @throws TypeError at registration, naming every option that is wrong
 */
async function fastifyKratos (app: FastifyInstance, options: FastifyKratosOptions): Promise<void> {
  if (app.hasDecorator('kratos')) throw new TypeError('fastify-kratos is registered on this instance already')
  const wrong = problems(options)
  if (wrong.length > 0) throw new TypeError(`fastify-kratos: ${wrong.join('; ')}`)

  const settings = settingsOf(options)
  const https = settings.baseUrl?.startsWith('https:') === true
  for (const plugin of [kratos, kratosCaller, cookie, originGuard]) await app.register(plugin, { settings })
  await app.register(authenticate)
  if (options.routes !== false) await registerRoutes(app, settings, options.routes?.prefix ?? DEFAULT_PREFIX, https)
  if (options.webhook !== undefined) await registerWebhook(app, options.webhook, https)
}

export default fp(fastifyKratos, { name: 'fastify-kratos', fastify: '5.x' })
