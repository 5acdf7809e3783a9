import { subscribe } from 'node:diagnostics_channel'
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import type { AuthRequirement } from '../sessions/strength.js'
import { isDeclaredByPackage } from './declared-by.js'
import { hasAnswer } from './request-auth.js'
import { requirementProblems } from './requirement.js'

export interface RouteGuard {
  guard: (request: FastifyRequest, reply: FastifyReply, requirement: AuthRequirement) => Promise<void>
  /** Whether a route without `config.auth` may be there. */
  mayBeUnlabelled: (url: string) => boolean
}

interface DeclaredRoute {
  scope: object
  route: RouteOptions
  /** As it was declared: Fastify changes the route's own to the form with a slash at its end. */
  name: string
  url: string
  /** There and undefined, in a route that was declared before the plugin was loaded. */
  undefinedHooks: string[]
}

const ROUTE_GUARD = Symbol('fastify-kratos: guard of config.auth')
const DECLARED = Symbol('fastify-kratos: routes of this app')
/** Member of a route's config: its guard is among its hooks. */
const HAS_GUARD = Symbol('fastify-kratos: has its guard')

type Scope = { [ROUTE_GUARD]?: RouteGuard, [DECLARED]?: DeclaredRoute[] }
const HOOKS = ['onRequest', 'preParsing', 'preValidation', 'preHandler'] as const

const isLabel = (auth: unknown): boolean => auth !== undefined && auth !== false

/** What @fastify/cors adds for preflights, which carry no credential. */
const isPreflight = ({ method, url }: RouteOptions): boolean => method === 'OPTIONS' && url.endsWith('*')

/** The route's scope says whose guard this is. */
function guardByConfig (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void {
  // No plugin in this app, so `config.auth` is somebody else's: with one, the start has failed.
  const own = (request.server as Scope)[ROUTE_GUARD]
  const auth = request.routeOptions.config.auth
  if (own === undefined || auth === undefined || auth === false) done()
  else own.guard(request, reply, auth === true ? {} : auth).then(() => done(), done)
}

const nameOf = ({ method, url }: RouteOptions): string => `${[method].flat().join(',')} ${url}`
const isMarked = (config: object | undefined): boolean => config !== undefined && HAS_GUARD in config

/** An automatic HEAD route is wrong with its GET route. */
const isReported = (line: string, lines: string[]): boolean =>
  line.startsWith('HEAD ') && lines.includes(line.replace('HEAD', 'GET'))

function complain (all: string[]): void {
  const lines = all.filter((line) => !isReported(line, all))
  if (lines.length > 0) throw new TypeError(`fastify-kratos: ${lines.join('; ')}`)
}

/** Packages such as @fastify/http-proxy hand on a hook that their user may leave out; an app has no reason to. */
function forgottenHooks (scope: FastifyInstance, route: RouteOptions): string[] {
  const found = HOOKS.filter((hook) => Object.hasOwn(route, hook) && route[hook] === undefined)
  return found.length === 0 || isDeclaredByPackage(scope, declareRoute) ? [] : found
}

/** Hook `onRoute`: puts the guard of `config.auth` before the route's own `onRequest` hooks. */
function declareRoute (this: FastifyInstance, route: RouteOptions): void {
  const auth: unknown = route.config?.auth
  const own = (this as Scope)[ROUTE_GUARD]
  if (own !== undefined && auth !== undefined) complain(requirementProblems(auth).map((line) => `${nameOf(route)}: ${line}`))
  const undefinedHooks = own === undefined && auth === undefined ? forgottenHooks(this, route) : []
  ;(this as Scope)[DECLARED]?.push({ scope: this, route, name: nameOf(route), url: route.url, undefinedHooks })
  // With the plugin in sight every route has it: a hook of the app that comes later may still add `config.auth`.
  if (own === undefined && !isLabel(auth)) return
  // A copy: what was checked does not change afterwards.
  const isRequirement = typeof auth === 'object' && requirementProblems(auth).length === 0
  const kept = isRequirement ? { auth: Object.freeze({ ...auth }) } : {}
  const config: object = { ...route.config, ...kept, [HAS_GUARD]: true }
  route.config = config as NonNullable<RouteOptions['config']>
  const hooks = [route.onRequest ?? []].flat()
  if (!hooks.includes(guardByConfig)) route.onRequest = [guardByConfig, ...hooks]
}

function watchRoutes (app: FastifyInstance): void {
  app.decorate(DECLARED, [])
  app.addHook('onRoute', declareRoute)
}

// Sees everything that is declared in an app created from now on, in whatever scope and order.
subscribe('fastify.initialization', (message) => watchRoutes((message as { fastify: FastifyInstance }).fastify))

/** Once all plugins have loaded. */
function problemsOf ({ scope, route, name, url, undefinedHooks }: DeclaredRoute): string[] {
  const auth: unknown = route.config?.auth
  const own = (scope as Scope)[ROUTE_GUARD]
  if (own === undefined) {
    return isLabel(auth)
      ? [`${name}: has config.auth, but the plugin is not registered in its scope or one above it`]
      : []
  }
  return [
    ...(auth === undefined ? [] : requirementProblems(auth)),
    ...undefinedHooks.map((hook) =>
      `${hook} is undefined: app.authenticate is there after "await app.register(…)"; write config: { auth: true }, or false`,
    ),
    ...(isLabel(auth) && !isMarked(route.config) ? ['got config.auth by a hook onRoute, before the plugin was there'] : []),
    ...(auth === undefined && !isPreflight(route) && !own.mayBeUnlabelled(url)
      ? ['has no config.auth, which defaultDeny wants: true, false or { … }']
      : []),
  ].map((line) => `${name}: ${line}`)
}

/**
 * Makes `config.auth` work in a scope and below, and stops the start where it would guard nothing. In an app that was
 * created before this module was loaded, routes of earlier scopes are not seen.
 */
export function guardRoutes (app: FastifyInstance, own: RouteGuard): void {
  const isWatched = (app as Scope)[DECLARED] !== undefined
  app.decorate(ROUTE_GUARD, own)
  if (!isWatched) {
    watchRoutes(app)
    app.addHook('onRequest', guardEarlierRoute)
  }
  app.addHook('preHandler', refuseUnguarded)
  app.addHook('onReady', async () => complain(((app as Scope)[DECLARED] ?? []).flatMap(problemsOf)))
}

/** The last word, whatever other hooks did: with `config.auth`, no handler runs without an answer. */
function refuseUnguarded (request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void): void {
  const { config, method, url } = request.routeOptions
  const isAnswered = !isLabel(config.auth) || hasAnswer(request)
  done(isAnswered ? undefined : new TypeError(`fastify-kratos: a hook took the guard of ${String(method)} ${url}`))
}

/** Instance hook of an app whose earlier routes were not seen: they are guarded all the same. */
async function guardEarlierRoute (request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { config, url } = request.routeOptions
  if (url === undefined || isMarked(config)) return
  const own = (request.server as Scope)[ROUTE_GUARD]
  const isOpen = own?.mayBeUnlabelled(url) === true || (request.method === 'OPTIONS' && url.endsWith('*'))
  const lines = config.auth === undefined ? (isOpen ? [] : ['has no config.auth']) : requirementProblems(config.auth)
  complain(lines.map((line) => `${request.method} ${url}: ${line}`))
  await new Promise<void>((resolve, reject) =>
    guardByConfig(request, reply, (error) => error === undefined ? resolve() : reject(error)),
  )
}
