import { Pool } from 'undici'
import { createNormaliser, parsed, type RawAnswer } from './normalise.js'
import { isObject, type Answer, type ClientName, type FlowChoice, type FlowName, type Json, type Step, type Walk } from './steps.js'
import { emailOf, newestLink, resolved, resolvedText, type Known } from './values.js'

/** A running Kratos. */
export interface Server {
  publicUrl: string
  adminUrl: string
}

/** What one client keeps: its cookies, or its token, and the flows that it opened, newest first. */
interface Client {
  cookies: Map<string, string>
  token: string | undefined
  flows: Map<FlowName, Array<{ id: string, csrf: string | undefined }>>
}

const UNKNOWN_ID = '11111111-2222-4333-8444-555555555555'
const TIMEOUT_MS = 20_000

/** Sends walks to one server. */
export function createWalker ({ publicUrl, adminUrl }: Server, configuredUrls: { public: string, admin: string }) {
  const limits = { connections: 1, headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS }
  const pools = { public: new Pool(publicUrl, limits), admin: new Pool(adminUrl, limits) }
  const origins = {
    [configuredUrls.public.replace(/\/$/, '')]: '<public>',
    [publicUrl]: '<public>',
    [configuredUrls.admin.replace(/\/$/, '')]: '<admin>',
    [adminUrl]: '<admin>',
  }

  return {
    walk: async (walk: Walk, run: string): Promise<Answer[]> => {
      const normalised = createNormaliser(run, origins)
      const send = createSender(pools, run)
      const answers: Answer[] = []
      for (const step of walk) answers.push(normalised(await send(step)))
      return answers
    },
    close: async () => { await Promise.all(Object.values(pools).map(async (pool) => await pool.close())) },
  }
}

interface Request {
  method: string
  path: string
  headers?: Record<string, string> | undefined
  body?: Json
  isForm?: boolean
  raw?: string | undefined
}

const formText = (body: Json): string => {
  const form = new URLSearchParams()
  const add = (name: string, value: Json): void => {
    if (isObject(value)) for (const [member, item] of Object.entries(value)) add(name === '' ? member : `${name}.${member}`, item)
    else for (const item of [value].flat()) form.append(name, typeof item === 'string' ? item : JSON.stringify(item))
  }
  add('', body)
  return form.toString()
}

/** Keeps cookies as a browser does. */
function keepCookies ({ cookies }: Client, { headers }: RawAnswer): void {
  for (const line of [headers['set-cookie'] ?? []].flat()) {
    const [pair = ''] = line.split(';')
    const at = pair.indexOf('=')
    if (/;\s*max-age=0(?:;|$)/i.test(line)) cookies.delete(pair.slice(0, at))
    else cookies.set(pair.slice(0, at), pair.slice(at + 1))
  }
}

async function ask (pool: Pool, { method, path, headers = {}, body, isForm = false, raw }: Request): Promise<RawAnswer> {
  const type = isForm ? 'application/x-www-form-urlencoded' : 'application/json'
  const text = raw !== undefined ? raw : body === undefined ? undefined : isForm ? formText(body) : JSON.stringify(body)
  const answer = await pool.request({
    method: method as 'GET',
    path,
    headers: { ...(text === undefined ? {} : { 'content-type': type }), ...headers },
    ...(text === undefined ? {} : { body: text }),
  })
  return { status: answer.statusCode, headers: answer.headers, body: await answer.body.text() }
}

function createSender (pools: { public: Pool, admin: Pool }, run: string) {
  const clients = new Map<ClientName, Client>()
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
  const clientOf = (name: ClientName): Client => {
    const client = clients.get(name) ?? { cookies: new Map(), token: undefined, flows: new Map() }
    clients.set(name, client)
    return client
  }

  /** Sends as a client, who keeps what the answer gives. */
  async function sendAs (name: ClientName, request: Request, isAnonymous = false): Promise<RawAnswer> {
    const client = clientOf(name)
    const own: Record<string, string> = { accept: name === 'html' ? 'text/html' : 'application/json' }
    if (name === 'app' && client.token !== undefined && !isAnonymous) own['x-session-token'] = client.token
    const cookies = [...client.cookies].filter(([name]) => !isAnonymous || name.startsWith('csrf'))
    if (name !== 'app' && cookies.length > 0) own['cookie'] = cookies.map((pair) => pair.join('=')).join('; ')
    const answer = await ask(pools.public, { ...request, headers: { ...own, ...request.headers } })
    if (name !== 'app') keepCookies(client, answer)
    keepBody(client, parsed(answer.body))
    return name === 'html' ? await withPage(answer) : answer
  }

  /** Where a redirect leads, the page reads the flow or the error that it shows. */
  async function withPage (answer: RawAnswer): Promise<RawAnswer> {
    const [, page = '', kind = '', id = ''] = /^http:\/\/app\.test\/(\w+)\?(?:.*&)?(flow|id)=([\w-]+)/.exec(String(answer.headers['location'])) ?? []
    if (id === '') return answer
    const path = kind === 'id' ? `/self-service/errors?id=${id}` : `/self-service/${page}/flows?id=${id}`
    const shown = await sendAs('html', { method: 'GET', path, headers: { accept: 'application/json' } })
    return { ...answer, body: JSON.stringify({ status: shown.status, shown: parsed(shown.body) }) }
  }

  function keepBody (client: Client, body: Json): void {
    if (!isObject(body)) return
    const { session_token: token, ui, identity, session } = body
    const continued = [body['continue_with']].flat().map((item) => isObject(item ?? null) ? (item as Record<string, Json>)['ory_session_token'] : undefined)
    const given = [token, ...continued].find((value) => typeof value === 'string')
    if (typeof given === 'string') client.token = given
    if (isObject(ui) && typeof body['id'] === 'string') keepFlow(client, body['id'], body, ui)
    keepIdentity(identity)
    if (isObject(session)) known.session = String(session['id'])
    if (isObject(session)) keepIdentity(session['identity'])
  }

  function keepFlow (client: Client, id: string, flow: Record<string, Json>, ui: Record<string, Json>): void {
    const found = /self-service\/(\w+)\?/.exec(String(ui['action']))?.[1] as FlowName | undefined
    if (found === undefined) return
    let csrf: string | undefined
    for (const node of [ui['nodes'] ?? []].flat()) {
      const attributes = isObject(node) ? node['attributes'] : undefined
      if (!isObject(attributes)) continue
      if (attributes['name'] === 'csrf_token') csrf = String(attributes['value'])
      const text = isObject(attributes['text'] ?? null) ? attributes['text'] as Record<string, any> : undefined
      if (attributes['id'] === 'totp_secret_key') known.totpSecret = text?.['text']
      if (attributes['id'] === 'lookup_secret_codes') {
        known.lookupSecrets = (text?.['context']?.secrets ?? []).map((secret: any) => String(secret.context?.secret))
      }
    }
    known.flows.set(found, id)
    const flows = client.flows.get(found) ?? []
    if (flows.some((flow) => flow.id === id)) return
    client.flows.set(found, [{ id, csrf }, ...flows])
  }

  /** Registered people are known by their address. */
  function keepIdentity (identity: Json | undefined): void {
    if (!isObject(identity ?? null)) return
    const { id, traits } = identity as Record<string, Json>
    const email = isObject(traits ?? null) ? String((traits as Record<string, Json>)['email']).trim().toLowerCase() : ''
    for (const person of [1, 2, 3]) if (email === emailOf(String(person), known)) known.identities.set(person, String(id))
  }

  function flowOf (as: ClientName, flow: FlowName, choice: FlowChoice | undefined): { id: string | undefined, csrf: string | undefined } {
    const [newest, previous] = clientOf(as).flows.get(flow) ?? []
    if (choice === 'none') return { id: undefined, csrf: newest?.csrf }
    if (choice === 'unknown') return { id: UNKNOWN_ID, csrf: newest?.csrf }
    if (choice === 'malformed') return { id: 'x', csrf: newest?.csrf }
    const chosen = choice === 'previous' ? previous ?? newest : newest
    return chosen ?? { id: UNKNOWN_ID, csrf: undefined }
  }

  async function open ({ as, flow, query = {}, headers, anonymous }: Step & { do: 'open' }): Promise<RawAnswer> {
    const parameters = new URLSearchParams(await resolved(query, known) as Record<string, string>).toString()
    const path = `/self-service/${flow}/${as === 'app' ? 'api' : 'browser'}${parameters === '' ? '' : `?${parameters}`}`
    return await sendAs(as, { method: 'GET', path, headers }, anonymous)
  }

  async function submit (step: Step & { do: 'submit' }): Promise<RawAnswer> {
    const { as, flow, headers, raw } = step
    const { id, csrf } = flowOf(as, flow, step.id)
    const fields = await resolved(step.fields, known) as Record<string, Json>
    const body = as === 'app' || csrf === undefined ? fields : { csrf_token: csrf, ...fields }
    const path = `/self-service/${flow}${id === undefined ? '' : `?flow=${id}`}`
    return await sendAs(as, { method: 'POST', path, body, isForm: step.form === true || as === 'html', headers, raw }, step.anonymous)
  }

  async function logOut ({ as, token, query = {} }: Step & { do: 'logout' }): Promise<RawAnswer> {
    if (as === 'app') return await sendAs(as, { method: 'DELETE', path: '/self-service/logout/api', body: { session_token: token ?? clientOf(as).token ?? null } })
    const begun = await sendAs(as, { method: 'GET', path: '/self-service/logout/browser', headers: { accept: 'application/json' } })
    const told = parsed(begun.body)
    if (begun.status !== 200 || !isObject(told)) return begun
    const parameters = new URLSearchParams({ token: token ?? String(told['logout_token']), ...query })
    return await sendAs(as, { method: 'GET', path: `/self-service/logout?${parameters}` })
  }

  async function link ({ as, person }: Step & { do: 'link' }): Promise<RawAnswer> {
    const found = await newestLink(person, known)
    const path = URL.canParse(found) ? `${new URL(found).pathname}${new URL(found).search}` : '/self-service/recovery?token=none'
    return await sendAs(as, { method: 'GET', path })
  }

  async function admin ({ method, path, body }: Step & { do: 'admin' }): Promise<RawAnswer> {
    const answer = await ask(pools.admin, {
      method,
      path: await resolvedText(path, known),
      ...(body === undefined ? {} : { body: await resolved(body, known) }),
    })
    keepIdentity(parsed(answer.body))
    return answer
  }

  return async function send (step: Step): Promise<RawAnswer> {
    switch (step.do) {
      case 'open': return await open(step)
      case 'submit': return await submit(step)
      case 'fetch': {
        const { id } = flowOf(step.as, step.flow, step.id)
        return await sendAs(step.as, { method: 'GET', path: `/self-service/${step.flow}/flows${id === undefined ? '' : `?id=${id}`}`, headers: step.headers }, step.anonymous)
      }
      case 'call': {
        const body = step.body === undefined ? {} : { body: await resolved(step.body, known) }
        return await sendAs(step.as, { method: step.method, path: await resolvedText(step.path, known), headers: step.headers, ...body }, step.anonymous)
      }
      case 'forget': {
        clients.delete(step.as)
        return { status: 0, headers: {}, body: '' }
      }
      case 'logout': return await logOut(step)
      case 'link': return await link(step)
      case 'admin': return await admin(step)
      case 'mails': return {
        status: 200,
        headers: {},
        body: JSON.stringify((await known.mailsTo(emailOf(String(step.person), known))).reverse()),
      }
    }
  }
}
