import { Pool } from 'undici'
import { createMemory } from './memory.js'
import { createNormaliser, parsed, type RawAnswer } from './normalise.js'
import { ask, type Request } from './request.js'
import { isObject, type Answer, type ClientName, type Json, type Step, type Walk } from './steps.js'
import { emailOf, newestLink, resolved, resolvedText, type Known } from './values.js'

/** A running Kratos. */
export interface Server {
  publicUrl: string
  adminUrl: string
}

const TIMEOUT_MS = 20_000

/** The addresses that a configuration tells. */
export interface Places {
  public: string
  admin: string
  /** Of the user interface, by flow or `error`. */
  pages: Record<string, string>
}

/** Sends walks to one server. */
export function createWalker ({ publicUrl, adminUrl }: Server, places: Places) {
  const limits = { connections: 1, headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS }
  const pools = { public: new Pool(publicUrl, limits), admin: new Pool(adminUrl, limits) }
  const origins = {
    [places.public.replace(/\/$/, '')]: '<public>',
    [publicUrl]: '<public>',
    [places.admin.replace(/\/$/, '')]: '<admin>',
    [adminUrl]: '<admin>',
  }

  return {
    walk: async (walk: Walk, run: string): Promise<Answer[]> => {
      const normalised = createNormaliser(run, origins)
      const send = createSender(pools, run, places)
      const answers: Answer[] = []
      for (const step of walk) answers.push(normalised(await send(step)))
      return answers
    },
    close: async () => { await Promise.all(Object.values(pools).map(async (pool) => await pool.close())) },
  }
}

type StepOf<Kind extends Step['do']> = Extract<Step, { do: Kind }>
type Senders = { [Kind in Step['do']]: (step: StepOf<Kind>) => Promise<RawAnswer> }

/** Sends the steps of one walk. */
function createSender (
  pools: { public: Pool, admin: Pool },
  run: string,
  { pages }: Places,
): (step: Step) => Promise<RawAnswer> {
  const known: Known = {
    run,
    identities: new Map(),
    totpSecret: undefined,
    lookupSecrets: [],
    session: undefined,
    flows: new Map(),
    mailsTo: async (address) => {
      const path = `/admin/courier/messages?page_size=250&recipient=${encodeURIComponent(address)}`
      const messages = parsed((await ask(pools.admin, { method: 'GET', path })).body)
      return Array.isArray(messages) ? messages as Array<Record<string, string>> : []
    },
  }
  const memory = createMemory(known)

  async function sendAs (name: ClientName, request: Request, isAnonymous = false): Promise<RawAnswer> {
    const { token, cookies } = memory.clientOf(name)
    const own: Record<string, string> = { accept: name === 'html' ? 'text/html' : 'application/json' }
    if (name === 'app' && token !== undefined && !isAnonymous) own['x-session-token'] = token
    const sent = [...cookies].filter(([cookie]) => !isAnonymous || cookie.startsWith('csrf'))
    if (name !== 'app' && sent.length > 0) own['cookie'] = sent.map((pair) => pair.join('=')).join('; ')
    const answer = await ask(pools.public, { ...request, headers: { ...own, ...request.headers } })
    if (name !== 'app') memory.keepCookies(name, answer)
    memory.keepBody(name, parsed(answer.body))
    return name === 'html' ? await withPage(answer) : answer
  }

  /** Where a redirect leads, the page reads the flow or the error that it shows. */
  async function withPage (answer: RawAnswer): Promise<RawAnswer> {
    const location = String(answer.headers['location'])
    const [page = '', at = ''] = Object.entries(pages).find(([, url]) => /^[?&]/.test(location.slice(url.length)) &&
      location.startsWith(url)) ?? []
    const shownAt = new URLSearchParams(location.slice(at.length))
    const id = shownAt.get(page === 'error' ? 'id' : 'flow')
    if (page === '' || id === null) return answer
    const path = page === 'error' ? `/self-service/errors?id=${id}` : `/self-service/${page}/flows?id=${id}`
    const shown = await sendAs('html', { method: 'GET', path, headers: { accept: 'application/json' } })
    return { ...answer, body: JSON.stringify({ status: shown.status, shown: parsed(shown.body) }) }
  }

  const senders: Senders = {
    open: async ({ as, flow, query = {}, headers, anonymous }) => {
      const parameters = new URLSearchParams(await resolved(query, known) as Record<string, string>).toString()
      const path = `/self-service/${flow}/${as === 'app' ? 'api' : 'browser'}${parameters === '' ? '' : `?${parameters}`}`
      return await sendAs(as, { method: 'GET', path, headers }, anonymous)
    },

    submit: async ({ as, flow, fields, form, id: choice, headers, raw, anonymous }) => {
      const { id, csrf } = memory.flowOf(as, flow, choice)
      const values = await resolved(fields, known) as Record<string, Json>
      const body = as === 'app' || csrf === undefined ? values : { csrf_token: csrf, ...values }
      const path = `/self-service/${flow}${id === undefined ? '' : `?flow=${id}`}`
      const isForm = form === true || as === 'html'
      return await sendAs(as, { method: 'POST', path, body, isForm, headers, raw }, anonymous)
    },

    fetch: async ({ as, flow, id: choice, headers, anonymous }) => {
      const { id } = memory.flowOf(as, flow, choice)
      const path = `/self-service/${flow}/flows${id === undefined ? '' : `?id=${id}`}`
      return await sendAs(as, { method: 'GET', path, headers }, anonymous)
    },

    call: async ({ as, method, path, body, headers, anonymous }) => {
      const sent = body === undefined ? {} : { body: await resolved(body, known) }
      return await sendAs(as, { method, path: await resolvedText(path, known), headers, ...sent }, anonymous)
    },

    logout: async ({ as, token, query = {} }) => {
      if (as === 'app') {
        const body = { session_token: token ?? memory.clientOf(as).token ?? null }
        return await sendAs(as, { method: 'DELETE', path: '/self-service/logout/api', body })
      }
      const headers = { accept: 'application/json' }
      const begun = await sendAs(as, { method: 'GET', path: '/self-service/logout/browser', headers })
      const told = parsed(begun.body)
      if (begun.status !== 200 || !isObject(told)) return begun
      const parameters = new URLSearchParams({ token: token ?? String(told['logout_token']), ...query })
      return await sendAs(as, { method: 'GET', path: `/self-service/logout?${parameters}` })
    },

    forget: async ({ as }) => {
      memory.forget(as)
      return { status: 0, headers: {}, body: '' }
    },

    link: async ({ as, person }) => {
      const link = await newestLink(person, known)
      const url = URL.canParse(link) ? new URL(link) : new URL('http://kratos.test/self-service/recovery?token=none')
      return await sendAs(as, { method: 'GET', path: `${url.pathname}${url.search}` })
    },

    admin: async ({ method, path, body }) => {
      const sent = body === undefined ? {} : { body: await resolved(body, known) }
      const answer = await ask(pools.admin, { method, path: await resolvedText(path, known), ...sent })
      memory.keepIdentity(parsed(answer.body))
      return answer
    },

    mails: async ({ person }) => {
      const mails = await known.mailsTo(emailOf(String(person), known))
      return { status: 200, headers: {}, body: JSON.stringify(mails.reverse()) }
    },
  }
  return async (step) => await (senders[step.do] as (step: Step) => Promise<RawAnswer>)(step)
}
