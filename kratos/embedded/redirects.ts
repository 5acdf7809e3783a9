import { redirect } from './http/answer.js'
import { publicUrl } from './http/exchange.js'
import { route, type Handler, type Route } from './http/router.js'

const toPublicPort: Handler = (ex) =>
  redirect(ex.method, 307, publicUrl(ex.kratos, ex.target.replace(/^\/admin(?=\/)/, '')))

const toAdminPort: Handler = (ex) =>
  redirect(
    ex.method,
    307,
    `${ex.kratos.config.serve.admin.base_url.replace(/(?<!\/)\/+$/, '')}/admin${ex.target.replace(/^\/admin(?=\/)/, '')}`,
  )

const IDENTITY_PATHS: Array<[string, string]> = [
  ['GET', '/identities'],
  ['POST', '/identities'],
  ['GET', '/identities/by/external/{id}'],
  ['GET', '/identities/{id}'],
  ['PUT', '/identities/{id}'],
  ['PATCH', '/identities/{id}'],
  ['DELETE', '/identities/{id}'],
  ['DELETE', '/identities/{id}/credentials/{type}'],
]

/**
 * Admin paths that the public port redirects to the admin port (docs/kratos-facts.md, section 15; recording 82). The
 * others are unknown there.
 */
export const redirectsOnPublic: Route[] = [
  ...IDENTITY_PATHS.flatMap(([method, path]) => [
    route(method, path, toAdminPort),
    route(method, `/admin${path}`, toAdminPort),
  ]),
  route('DELETE', '/identities/{id}/sessions', toAdminPort),
  route('POST', '/recovery/code', toAdminPort),
  route('POST', '/recovery/link', toAdminPort),
  route('GET', '/admin/courier/messages', toAdminPort),
  route('GET', '/admin/courier/messages/{id}', toAdminPort),
]

const FLOW_PATHS: Array<[string, string]> = [
  ['GET', '/browser'],
  ['GET', '/api'],
  ['GET', '/flows'],
  ['GET', ''],
  ['POST', ''],
]

/** Public paths that the admin port redirects to the public port. */
export const redirectsOnAdmin: Route[] = [
  ...['registration', 'login', 'settings', 'recovery', 'verification'].flatMap((flow) =>
    FLOW_PATHS.map(([method, path]) => route(method, `/admin/self-service/${flow}${path}`, toPublicPort)),
  ),
  route('GET', '/admin/self-service/logout/browser', toPublicPort),
  route('DELETE', '/admin/self-service/logout/api', toPublicPort),
  route('GET', '/admin/self-service/logout', toPublicPort),
  route('GET', '/admin/self-service/errors', toPublicPort),
  route('GET', '/admin/sessions/whoami', toPublicPort),
  route('DELETE', '/admin/sessions', toPublicPort),
  route('GET', '/admin/schemas', toPublicPort),
  route('GET', '/admin/schemas/{id}', toPublicPort),
]
