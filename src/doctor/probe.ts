import { isRecord } from '../kratos-client/kratos-body.js'
import { schemasOf } from './trait-checks.js'
import type { Answering, CookieFacts, KratosFacts, PortFacts, SettingsFacts } from './facts.js'

const DEADLINE_MS = 3000
/** Front ends that are asked about: each costs Kratos a flow. */
const MAX_RETURNS = 10

interface Answered {
  status: number
  headers: Headers
  text: string
  body: unknown
}

const isAnswered = (answer: Answered | { fault: string }): answer is Answered => 'status' in answer

function faultOf (error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') return cause.code
  return error instanceof Error && error.name === 'TimeoutError' ? 'timeout' : 'no answer'
}

async function ask (url: string, path: string): Promise<Answered | { fault: string }> {
  const target = url.replace(/(?<!\/)\/+$/, '') + path
  const signal = AbortSignal.timeout(DEADLINE_MS)
  try {
    const answer = await fetch(target, { redirect: 'manual', signal, headers: { accept: 'application/json' } })
    const text = await answer.text()
    let body: unknown
    try {
      body = JSON.parse(text)
    } catch {
      body = undefined
    }
    return { status: answer.status, headers: answer.headers, text, body }
  } catch (error) {
    return { fault: faultOf(error) }
  }
}

const memberOf = (value: unknown, name: string): unknown => isRecord(value) ? value[name] : undefined
const errorOf = (answer: Answered): unknown => memberOf(answer.body, 'error')

const hasForm = ({ body }: Answered): boolean => isRecord(memberOf(body, 'ui'))
/** A flow, or Kratos' own words for why there is none. */
const speaksOfFlows = (answer: Answered): boolean =>
  hasForm(answer) || (answer.status !== 404 && typeof memberOf(errorOf(answer), 'code') === 'number')

/** What tells an operator who it is that answers instead of Kratos. */
function introduced ({ status, headers, text }: Answered): string | undefined {
  if (/HTTP request to an HTTPS server/i.test(text)) return 'it speaks TLS, so the address begins with https'
  const location = headers.get('location') ?? ''
  if (status >= 300 && status < 400 && URL.canParse(location)) return `it redirects to ${new URL(location).origin}`
  return status >= 500 ? `status ${status}` : undefined
}

async function portAt (url: string): Promise<PortFacts & { flow?: Answered }> {
  const [flow, version] = await Promise.all([
    ask(url, '/self-service/login/browser'),
    ask(url, '/admin/version'),
  ])
  if (!isAnswered(flow)) return { answering: 'nobody', fault: flow.fault }
  const text = isAnswered(version) && version.status === 200 ? memberOf(version.body, 'version') : undefined
  if (typeof text === 'string') {
    return hasForm(flow) ? { answering: 'both', version: text, flow } : { answering: 'admin', version: text }
  }
  const answering: Answering = speaksOfFlows(flow) ? 'public' : 'other'
  return { answering, flow, says: introduced(flow) }
}

/** The form's address without what Kratos appends to its base URL. */
function baseUrlOf ({ body }: Answered): string | undefined {
  const action = memberOf(memberOf(body, 'ui'), 'action')
  return typeof action === 'string' ? action.split('self-service/', 1)[0] : undefined
}

function cookieOf ({ headers }: Answered): CookieFacts | undefined {
  const line = headers.getSetCookie().find((cookie) => cookie.startsWith('csrf_token_'))
  if (line === undefined) return undefined
  const attributes = line.split(';').slice(1).map((part) => part.trim())
  const valueOf = (name: string): string | undefined =>
    attributes.find((part) => part.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1)
  return { isSecure: attributes.some((part) => /^secure$/i.test(part)), domain: valueOf('domain'), path: valueOf('path') }
}

function aheadOf ({ headers }: Answered): number | undefined {
  const ms = Date.parse(headers.get('date') ?? '')
  return Number.isNaN(ms) ? undefined : Date.now() - ms
}

async function refusedReturns (url: string, targets: string[]): Promise<string[]> {
  const answers = await Promise.all(
    targets.map((target) => ask(url, `/self-service/login/browser?return_to=${encodeURIComponent(target)}`)),
  )
  return targets.filter((_, index) => {
    const answer = answers[index]
    return answer !== undefined && isAnswered(answer) &&
      memberOf(errorOf(answer), 'id') === 'self_service_flow_return_to_forbidden'
  })
}

/** Where a flow may end, as far as the settings say. */
const returnTargets = ({ frontendUrl, origins, returnUrls = [] }: SettingsFacts): string[] =>
  [...new Set([...(frontendUrl === undefined ? [] : [frontendUrl]), ...origins.map((origin) => `${origin}/`), ...returnUrls])]
    .slice(0, MAX_RETURNS)

/**
 * Asks a running Kratos what it tells anybody. Costs it one flow of login for each front end and one more.
 * @param withSession whether to ask for a session too, which nobody has: how a Kratos that may be cached is known
 */
export async function askKratos (
  settings: SettingsFacts,
  { withSession }: { withSession: boolean },
): Promise<KratosFacts> {
  const { publicUrl, adminUrl } = settings
  const [{ flow, ...open }, admin] = await Promise.all([
    portAt(publicUrl),
    adminUrl === undefined ? undefined : portAt(adminUrl).then(({ flow: _flow, ...port }) => port),
  ])
  if (flow === undefined || open.answering === 'other') return { public: open, admin, refusedReturns: [] }
  if (flow.status >= 500) return { public: open, admin, failure: flow.status, refusedReturns: [] }
  const [refused, schemas, adminSchemas, whoami] = await Promise.all([
    refusedReturns(publicUrl, returnTargets(settings)),
    ask(publicUrl, '/schemas'),
    adminUrl === undefined || admin?.answering !== 'admin' ? undefined : ask(adminUrl, '/schemas'),
    withSession ? ask(publicUrl, '/sessions/whoami') : undefined,
  ])
  return {
    public: open,
    admin,
    baseUrl: baseUrlOf(flow),
    cookie: cookieOf(flow),
    refusedReturns: refused,
    schemas: isAnswered(schemas) ? schemasOf(schemas.body) : [],
    adminSchemas: adminSchemas !== undefined && isAnswered(adminSchemas) ? schemasOf(adminSchemas.body) : [],
    aheadMs: aheadOf(flow),
    isCacheable: whoami !== undefined && isAnswered(whoami) && whoami.status === 401
      ? whoami.headers.has('ory-session-cache-for')
      : undefined,
  }
}
