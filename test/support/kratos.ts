import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import { type EmbeddedKratos, type EmbeddedKratosOptions, startEmbeddedKratos } from '../../kratos/embedded/index.js'
import { build, type BuiltApp } from './app.js'
import { freePorts } from './process.js'
import { freshEmail, PASSWORD, startTarget, type TargetKratos } from './target.js'

export { freshEmail, PASSWORD }

/** An embedded Kratos with the repository's own configuration, closed with the test. */
export async function startKratos (t: Test, options: EmbeddedKratosOptions = {}): Promise<EmbeddedKratos> {
  const kratos = await startEmbeddedKratos(options)
  t.teardown(() => kratos.close())
  return kratos
}

export interface Service extends BuiltApp {
  kratos: TargetKratos
}

/** The service in front of an embedded Kratos, or of the real one that the contract is run against. */
export async function buildWithKratos (
  t: Test,
  { env = {}, ...options }: EmbeddedKratosOptions & { env?: Record<string, string> } = {},
): Promise<Service> {
  const kratos = await startTarget(t, options)
  const built = await build(t, { KRATOS_PUBLIC_URL: kratos.publicUrl, KRATOS_ADMIN_URL: kratos.adminUrl, ...env })
  return { ...built, kratos }
}

export interface PublicService extends BuiltApp {
  /** Where browsers reach the service; it does not listen there yet. */
  base: string
  port: number
  kratos: EmbeddedKratos
  /** What it was built with, for another service in front of the same Kratos. */
  env: Record<string, string>
}

/** The service in front of an embedded Kratos whose pages, mails and redirects lead back through `/kratos/*`. */
export async function buildInFrontOfKratos (
  t: Test,
  { env: more = {}, ...options }: EmbeddedKratosOptions & { env?: Record<string, string> } = {},
): Promise<PublicService> {
  const [port = 0] = await freePorts(1)
  const base = `http://127.0.0.1:${port}`
  const kratos = await startKratos(t, { baseUrl: `${base}/kratos/`, ...options })
  const env = {
    KRATOS_PUBLIC_URL: kratos.publicUrl,
    KRATOS_ADMIN_URL: kratos.adminUrl,
    KRATOS_BROWSER_URL: `${base}/kratos/`,
    PUBLIC_URL: base,
    KRATOS_PROXY: 'true',
    ...more,
  }
  return { ...await build(t, env), base, port, kratos, env }
}

type Answer = LightMyRequestResponse
type Headers = Record<string, string>

/** Set-Cookie lines as sent. */
export const setCookies = (answer: Answer): string[] => {
  const lines = answer.headers['set-cookie']
  return lines === undefined ? [] : [lines].flat()
}

/** A `Cookie` header with the cookies that an answer left standing. */
export const cookieHeader = (...answers: Answer[]): string => {
  const jar = new Map<string, string>()
  for (const line of answers.flatMap(setCookies)) {
    const [pair = ''] = line.split(';')
    const [name = '', value = ''] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]
    if (/max-age=0(;|$)/i.test(line)) jar.delete(name)
    else jar.set(name, value)
  }
  return [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
}

export const post = (app: FastifyInstance, url: string, body: unknown, headers: Headers = {}): Promise<Answer> =>
  app.inject(
    {
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json', ...headers },
      payload: JSON.stringify(body),
    } satisfies InjectOptions,
  )

export const get = (app: FastifyInstance, url: string, headers: Headers = {}): Promise<Answer> =>
  app.inject({ url, headers })

export interface StartedFlow {
  id: string
  csrfToken: string
  init: Answer
}

/** Starts a flow and reads what a submit needs. */
export async function startFlow (
  app: FastifyInstance,
  name: string,
  query = '',
  headers: Headers = {},
): Promise<StartedFlow> {
  const init = await get(app, `/api/auth/flows/${name}${query}`, headers)
  const { data } = init.json<
    { data: { id: string, ui: { nodes: Array<{ attributes: { name: string, value?: string } }> } } }
  >()
  const csrfToken = data.ui.nodes.find(({ attributes }) => attributes.name === 'csrf_token')?.attributes.value ?? ''
  return { id: data.id, csrfToken, init }
}

export interface SignedUp {
  email: string
  identityId: string
  cookie: string
  token: string
  answer: Answer
}

/** Registers by an API flow; `token` is what the minted cookie holds. */
export async function signUp (app: FastifyInstance, email = freshEmail()): Promise<SignedUp> {
  const { id } = await startFlow(app, 'registration')
  const answer = await post(app, '/api/auth/flows/registration', {
    flow_id: id,
    email,
    password: PASSWORD,
    first_name: 'Ada',
  })
  const cookie = cookieHeader(answer)
  const { data } = answer.json<{ data: { session: { identity: { id: string } } } }>()
  return {
    email,
    identityId: data.session.identity.id,
    cookie,
    token: /(?:^|; )ory_kratos_session=([^;]*)/.exec(cookie)?.[1] ?? '',
    answer,
  }
}

/** Registers by a browser flow; `cookie` holds the sealed session and the CSRF cookie. */
export async function signUpInBrowser (app: FastifyInstance, email = freshEmail()): Promise<Omit<SignedUp, 'token'>> {
  const { id, csrfToken, init } = await startFlow(app, 'registration', '?type=browser')
  const body = { flow_id: id, email, password: PASSWORD, csrf_token: csrfToken }
  const answer = await post(app, '/api/auth/flows/registration', body, { cookie: cookieHeader(init) })
  const { data } = answer.json<{ data: { session: { identity: { id: string } } } }>()
  return { email, identityId: data.session.identity.id, cookie: cookieHeader(init, answer), answer }
}
