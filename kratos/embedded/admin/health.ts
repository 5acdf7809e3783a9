import { json } from '../http/answer.js'
import { route, type Route } from '../http/router.js'

const ok = (): ReturnType<typeof json> => json(200, { status: 'ok' })

/** Both ports have these; `/version` the admin port only (facts 3). */
export const healthRoutes: Route[] = [route('GET', '/health/alive', ok), route('GET', '/health/ready', ok)]

export const adminHealthRoutes: Route[] = [
  route('GET', '/admin/health/alive', ok),
  route('GET', '/admin/health/ready', ok),
  route('GET', '/admin/version', ({ kratos }) => json(200, { version: kratos.version }))
]
