import { subscribe } from 'node:diagnostics_channel'
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { type AuthRequirement, requirementProblems } from '../sessions/strength.js'

/** What a plugin answers for in its scope: the guard of `config.auth`, and which routes need none. */
export interface RouteGuard {
  guard: (request: FastifyRequest, reply: FastifyReply, requirement: AuthRequirement) => Promise<void>
  /** Whether a route without `config.auth` may be there. */
  mayBeUnlabelled: (url: string) => boolean
}

interface DeclaredRoute {
  scope: object
  name: string
  url: string
  auth: unknown
  isPreflight: boolean
  /** Hooks that are there and undefined, in a route that was declared before the plugin was loaded. */
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

/** The guard of every route with `config.auth`; whose it is, its scope tells. */
async function guardByConfig (request: FastifyRequest, reply: FastifyReply): Promise<void> {
  // No plugin in this app, so `config.auth` is somebody else's: with one, the start has failed.
  const own = (request.server as Scope)[ROUTE_GUARD]
  const auth = request.routeOptions.config.auth
  if (own === undefined || auth === undefined || auth === false) return
  await own.guard(request, reply, auth === true ? {} : auth)
}

/** An automatic HEAD route is wrong with its GET route. */
const isTold = (line: string, lines: string[]): boolean =>
  line.startsWith('HEAD ') && lines.includes(line.replace('HEAD', 'GET'))

function complain (all: string[]): void {
  const lines = all.filter((line) => !isTold(line, all))
  if (lines.length > 0) throw new TypeError(`fastify-kratos: ${lines.join('; ')}`)
}

/** Hook `onRoute`: notes the route and puts the guard of `config.auth` before its own `onRequest` hooks. */
function declareRoute (this: FastifyInstance, route: RouteOptions): void {
  const auth: unknown = route.config?.auth
  const name = `${[route.method].flat().join(',')} ${route.url}`
  const own = (this as Scope)[ROUTE_GUARD]
  if (own !== undefined && auth !== undefined) complain(requirementProblems(auth).map((line) => `${name}: ${line}`))
  const undefinedHooks = own === undefined
    ? HOOKS.filter((hook) => Object.hasOwn(route, hook) && route[hook] === undefined)
    : []
  const { url } = route
  ;(this as Scope)[DECLARED]?.push({ scope: this, name, url, auth, isPreflight: isPreflight(route), undefinedHooks })
  if (!isLabel(auth)) return
  // A copy: what was checked does not change afterwards.
  const isObject = auth !== true && requirementProblems(auth).length === 0
  const requirement = isObject ? Object.freeze({ ...auth as object }) : auth
  route.config = { ...route.config, auth: requirement, [HAS_GUARD]: true } as RouteOptions['config'] & object
  const hooks = [route.onRequest ?? []].flat()
  if (!hooks.includes(guardByConfig)) route.onRequest = [guardByConfig, ...hooks]
}

function watchRoutes (app: FastifyInstance): void {
  app.decorate(DECLARED, [])
  app.addHook('onRoute', declareRoute)
}

// Everything that is declared in an app that is created from now on is seen, in whatever scope and order.
subscribe('fastify.initialization', (message) => watchRoutes((message as { fastify: FastifyInstance }).fastify))

/** What is wrong with a route, now that all plugins have loaded. */
function problemsOf ({ scope, name, url, auth, isPreflight, undefinedHooks }: DeclaredRoute): string[] {
  const own = (scope as Scope)[ROUTE_GUARD]
  if (own === undefined) {
    return isLabel(auth)
      ? [`${name}: has config.auth, but the plugin is not registered in its scope or one above it`]
      : []
  }
  return [
    ...(auth === undefined ? [] : requirementProblems(auth)),
    ...undefinedHooks.map((hook) =>
      `${hook} is undefined: app.authenticate is there after "await app.register(…)"; write config: { auth: true }`,
    ),
    ...(auth === undefined && !isPreflight && !own.mayBeUnlabelled(url)
      ? ['has no config.auth, which defaultDeny wants: true, false or { … }']
      : []),
  ].map((line) => `${name}: ${line}`)
}

/**
 * Makes `config.auth` work in a scope and everything below it, and stops the start where it would guard nothing.
 * In an app that was created before this module was loaded, routes of earlier scopes are not seen.
 */
export function guardRoutes (app: FastifyInstance, own: RouteGuard): void {
  const isWatched = (app as Scope)[DECLARED] !== undefined
  app.decorate(ROUTE_GUARD, own)
  if (!isWatched) {
    watchRoutes(app)
    app.addHook('onRequest', guardEarlierRoute)
  }
  app.addHook('onReady', async () => complain(((app as Scope)[DECLARED] ?? []).flatMap(problemsOf)))
}

/** Instance hook of an app whose earlier routes were not seen: they are guarded all the same. */
async function guardEarlierRoute (request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { config, url } = request.routeOptions
  if (url === undefined || (config as { [HAS_GUARD]?: true })[HAS_GUARD] === true) return
  const own = (request.server as Scope)[ROUTE_GUARD]
  const isOpen = own?.mayBeUnlabelled(url) === true || (request.method === 'OPTIONS' && url.endsWith('*'))
  const lines = config.auth === undefined ? (isOpen ? [] : ['has no config.auth']) : requirementProblems(config.auth)
  complain(lines.map((line) => `${request.method} ${url}: ${line}`))
  await guardByConfig(request, reply)
}
