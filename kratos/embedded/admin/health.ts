import { json, type Answer } from '../http/answer.js'
import type { Exchange } from '../http/exchange.js'
import { DatabaseAway } from '../store/away.js'
import { route, type Route } from '../http/router.js'

const ok = (): Answer => json(200, { status: 'ok' })

/** On the public port the reason is withheld, also with --dev. */
const OBFUSCATED = 'error may contain sensitive information and was obfuscated'

const ready = (isPublic: boolean) => ({ kratos }: Exchange): Answer => {
  try {
    kratos.store.identities.count()
    return ok()
  } catch (error) {
    if (!(error instanceof DatabaseAway)) throw error
    throw error.with({ httpStatus: 503, ...(isPublic && { message: OBFUSCATED }) })
  }
}

/** The embedded server measures nothing, so a scraper only finds that it is one. */
const metrics = ({ kratos }: Exchange): Answer => ({
  status: 200,
  headers: { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores' },
  body: `# HELP embedded_kratos_info Version of the embedded development server.
# TYPE embedded_kratos_info gauge
embedded_kratos_info{version="${kratos.version}"} 1
`,
})

/** Both ports have these; only the admin port has `/version` (docs/kratos-facts.md, section 3). */
export const healthRoutes: Route[] = [
  route('GET', '/health/alive', ok),
  route('GET', '/health/ready', ready(true)),
]

export const adminHealthRoutes: Route[] = [
  route('GET', '/admin/health/alive', ok),
  route('GET', '/admin/health/ready', ready(false)),
  route('GET', '/admin/metrics/prometheus', metrics),
  route('GET', '/admin/version', ({ kratos }) => json(200, { version: kratos.version })),
]
