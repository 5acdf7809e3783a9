import { join } from 'node:path'
import autoload from '@fastify/autoload'
import Fastify, { type FastifyInstance, type FastifyServerOptions, LogController } from 'fastify'
import { registerAuth } from './auth.js'
import { authSettings, type Config, trustedProxies } from './config.js'
import { createByteBudget } from './service/bytes/byte-budget.js'
import { limitUnfinishedBodies } from './service/bytes/unfinished-bodies.js'
import { limitUnsentBytes } from './service/bytes/unsent-bytes.js'
import { createClientErrorHandler, noteAnswers, refuseExpectations } from './service/client-errors.js'
import { limitConnections } from './service/connections.js'
import { adviseOnProxies } from './service/forwarded-advice.js'
import { addInternalListener } from './service/internal-listener.js'
import { addHostCheck } from './service/host-header.js'
import { addLifecycle } from './service/lifecycle.js'
import { addRequestLog, childLoggerFactory, loggerOptions, type LogTarget } from './service/logging.js'
import { authParts } from './service/auth-parts.js'
import { addNotFoundHandler, collectMethods } from './service/not-found.js'
import { isTrustedBy } from './service/proxy-range.js'
import { publicStoreError } from './service/store/public-error.js'
import { requestId } from './service/request-id.js'
import { renderError } from './http/error-handler.js'
import { applyHttpRules, createFrameworkErrorHandler } from './http/rules.js'
import { isHttpsUrl } from './url-rules.js'

export interface AppOverrides {
  log?: LogTarget
}

const SECOND = 1000

const isHttps = (config: Config): boolean => isHttpsUrl(config.PUBLIC_URL)

/** docs/security-model.md, section 6: a slow or huge request costs its sender, not us. */
const LIMITS = {
  bodyLimit: 64 * 1024,
  requestTimeout: 10 * SECOND,
  keepAliveTimeout: 72 * SECOND,
  // Silent before the first byte counts as slow headers (L13); Node looks only this often, and ends all that it finds.
  http: {
    maxHeaderSize: 16 * 1024,
    headersTimeout: 5 * SECOND,
    connectionsCheckingInterval: SECOND / 10,
    requireHostHeader: false,
  },
  routerOptions: { maxParamLength: 512 },
} satisfies FastifyServerOptions & { http: object }

/** Without a byte in either direction a connection with an unfinished answer goes. */
const STALLED_MS = 30 * SECOND

// Cuts off a client that stops reading (docs/security-model.md, section 6), but none that waits for Kratos with us:
// together the calls of a request take no longer than one of each kind.
const connectionTimeout = (
  { WHOAMI_DEADLINE_MS: whoami, SUBMIT_DEADLINE_MS: submit, KRATOS_DEADLINE_MS: other }: Config,
): number => Math.max(STALLED_MS, whoami + submit + 2 * other)

function serverOptions (config: Config, { log = {} }: AppOverrides) {
  const proxies = trustedProxies(config)
  return {
    ...LIMITS,
    // A machine that is short of processor time starts late; by Fastify's ten seconds it would not start at all.
    pluginTimeout: 60_000,
    connectionTimeout: connectionTimeout(config),
    logger: loggerOptions(config.LOG_LEVEL, log),
    // `addRequestLog` writes the one line of a request.
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory,
    genReqId: requestId,
    requestIdHeader: false,
    trustProxy: proxies.length > 0 ? isTrustedBy(proxies) : false,
    forceCloseConnections: 'idle',
    // `addLifecycle` answers in the envelope.
    return503OnClosing: false,
    frameworkErrors: createFrameworkErrorHandler({ https: isHttps(config) }),
    clientErrorHandler: createClientErrorHandler({ https: isHttps(config) }),
  } as const
}

const renderServiceError: typeof renderError = (error, request, reply) =>
  renderError(publicStoreError(error, request.routeOptions.url) ?? error, request, reply)

/** Ready to listen or to inject into. @param config from `loadConfig` */
export async function buildApp (config: Config, overrides: AppOverrides = {}): Promise<FastifyInstance> {
  const app: FastifyInstance = Fastify(serverOptions(config, overrides))
  const settings = authSettings(config)
  const options = { config, settings }

  limitConnections(app)
  const bytes = createByteBudget()
  limitUnsentBytes(app, bytes)
  limitUnfinishedBodies(app, bytes)
  addRequestLog(app, { successPercent: config.LOG_SUCCESS_PERCENT, hasHealth: config.LOG_HEALTH })
  noteAnswers(app)
  applyHttpRules(app, { https: isHttps(config), errorHandler: renderServiceError })
  addLifecycle(app)
  addHostCheck(app)
  const { requestTimeout, keepAliveTimeout, http } = LIMITS
  addInternalListener(app, config, { requestTimeout, keepAliveTimeout, ...http })
  const servers = app.internalServer === undefined ? [app.server] : [app.server, app.internalServer]
  for (const server of servers) refuseExpectations(server, { https: isHttps(config) })
  adviseOnProxies(app, trustedProxies(config))
  addNotFoundHandler(app)
  const refuseOtherMethods = collectMethods(app)
  await app.register(autoload, { dir: join(import.meta.dirname, '../plugins/service'), options, encapsulate: false })
  await registerAuth(app, settings, authParts(app, config, settings))
  await app.register(autoload, { dir: join(import.meta.dirname, '../routes'), options })
  refuseOtherMethods()
  return app
}
