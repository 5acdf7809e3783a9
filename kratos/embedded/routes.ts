import { adminHealthRoutes, healthRoutes } from './admin/health.js'
import { identityRoutes } from './admin/identities.js'
import { schemaRoutes } from './admin/schemas.js'
import { errorRoutes } from './flows/errors/routes.js'
import { loginRoutes } from './flows/login/routes.js'
import { logoutRoutes } from './flows/logout/routes.js'
import { registrationRoutes } from './flows/registration/routes.js'
import { redirect } from './http/answer.js'
import { notEmbedded } from './http/errors.js'
import { publicUrl } from './http/exchange.js'
import { route, type Handler, type Route } from './http/router.js'
import { sessionRoutes } from './session/routes.js'

const toPublicPort: Handler = (ex) => redirect(ex.method, 307, publicUrl(ex.kratos, ex.target.replace(/^\/admin(?=\/)/, '')))

const toAdminPort: Handler = (ex) =>
  redirect(ex.method, 307, ex.kratos.config.serve.admin.base_url.replace(/\/+$/, '') + '/admin' + ex.target.replace(/^\/admin(?=\/)/, ''))

const notBuilt: Handler = (ex) => { throw notEmbedded(`${ex.method} ${ex.path} is not built.`) }

/** What a real Kratos has here and this server does not do: 501, never a made-up success. */
const MISSING_PUBLIC: Array<[string, string]> = [
  ...['settings', 'recovery', 'verification'].flatMap((flow): Array<[string, string]> => [
    ['GET', `/self-service/${flow}/api`], ['GET', `/self-service/${flow}/browser`], ['GET', `/self-service/${flow}/flows`],
    ['POST', `/self-service/${flow}`], ['GET', `/self-service/${flow}`]
  ]),
  ['GET', '/sessions/token-exchange'], ['GET', '/.well-known/ory/webauthn.js'],
  ['GET', '/self-service/methods/oidc/callback/{provider}'], ['POST', '/self-service/methods/oidc/callback/{provider}']
]

const MISSING_ADMIN: Array<[string, string]> = [
  ['PATCH', '/admin/identities'], ['PUT', '/admin/identities/{id}'], ['PATCH', '/admin/identities/{id}'],
  ['DELETE', '/admin/identities/{id}/credentials/{type}'], ['GET', '/admin/identities/by/external/{id}'],
  ['GET', '/admin/identities/{id}/sessions'], ['DELETE', '/admin/identities/{id}/sessions'],
  ['GET', '/admin/sessions'], ['GET', '/admin/sessions/{id}'], ['DELETE', '/admin/sessions/{id}'], ['PATCH', '/admin/sessions/{id}/extend'],
  ['POST', '/admin/recovery/code'], ['POST', '/admin/recovery/link'],
  ['GET', '/admin/courier/messages'], ['GET', '/admin/courier/messages/{id}']
]

const all = (pairs: Array<[string, string]>, handler: Handler): Route[] => pairs.map(([method, path]) => route(method, path, handler))

const selfService: Route[] = [...registrationRoutes, ...loginRoutes, ...logoutRoutes, ...errorRoutes, ...sessionRoutes]

const admin: Route[] = [...identityRoutes, ...all(MISSING_ADMIN, notBuilt)]

/** Paths of one port that the other knows by a redirect (facts 15). */
const redirected = (routes: Route[], own: Route[], path: (path: string) => string[], handler: Handler): Route[] =>
  routes.flatMap(item => path(item.path).map(moved => route(item.method, moved, handler)))
    .filter((item, at, list) => list.findIndex(other => other.method === item.method && other.path === item.path) === at)
    .filter(item => !own.some(other => other.method === item.method && other.path === item.path))

const ownPublic: Route[] = [...selfService, ...all(MISSING_PUBLIC, notBuilt), ...schemaRoutes, ...healthRoutes]
const ownAdmin: Route[] = [...admin, ...adminHealthRoutes, ...schemaRoutes.filter(({ path }) => path.startsWith('/admin'))]

export const publicRoutes: Route[] = [
  ...ownPublic,
  ...redirected(admin, ownPublic, path => [path, path.replace(/^\/admin/, '')], toAdminPort)
]

/** The admin port serves everything under /admin, whatever the request left out. */
export const adminRoutes: Route[] = [
  ...ownAdmin,
  ...redirected([...selfService, ...all(MISSING_PUBLIC, notBuilt)], ownAdmin, path => [`/admin${path}`], toPublicPort)
]
