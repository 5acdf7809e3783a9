import { Secret, TOTP } from 'otpauth'
import { freshEmail, PASSWORD } from '../support/target.js'
import { type Ask, cookiesOf, type Reply } from './caller.js'

export type FlowName = 'registration' | 'login' | 'settings' | 'recovery' | 'verification'

export interface OpenFlow {
  id: string
  /** What a browser's form sends along; empty in API flows. */
  csrfToken: string
  /** The CSRF cookie, as a header's value. */
  cookie: string
  reply: Reply
}

interface Node {
  type: string
  attributes: Record<string, any>
  messages: Array<{ id: number }>
}

export const nodeNamed = (flow: Reply['body'], name: string): Node | undefined =>
  (flow['ui'].nodes as Node[]).find(({ attributes }) => attributes['name'] === name || attributes['id'] === name)

/** Ids of the messages of a form, without those at its fields. */
export const messageIds = ({ body }: Reply): number[] => (body.ui?.messages ?? []).map(({ id }: { id: number }) => id)

export async function openFlow (
  ask: Ask,
  flow: FlowName,
  type: 'api' | 'browser',
  headers: Record<string, string> = {},
  query = '',
): Promise<OpenFlow> {
  const reply = await ask('GET', `/self-service/${flow}/${type}${query}`, { headers })
  if (reply.status !== 200) throw new Error(`${flow} was not opened: ${reply.status} ${JSON.stringify(reply.body)}`)
  return {
    id: reply.body.id,
    csrfToken: nodeNamed(reply.body, 'csrf_token')?.attributes['value'] ?? '',
    cookie: cookiesOf(reply),
    reply,
  }
}

export const submit = async (
  ask: Ask,
  flow: FlowName,
  id: string,
  json: object,
  headers: Record<string, string> = {},
): Promise<Reply> => await ask('POST', `/self-service/${flow}?flow=${id}`, { json, headers })

export interface Person {
  email: string
  id: string
  sessionId: string
  /** Header with the session: of an app its token, of a browser its sealed cookie alone. */
  session: Record<string, string>
  /** The token, or the sealed value. */
  value: string
  reply: Reply
}

/** Signs up in an app. */
export async function signUp (ask: Ask, email = freshEmail()): Promise<Person> {
  const { id } = await openFlow(ask, 'registration', 'api')
  const reply = await submit(ask, 'registration', id, { method: 'password', password: PASSWORD, traits: { email } })
  return personOf(email, reply, reply.body.session_token)
}

/** Signs up in a browser that scripts talk for. */
export async function signUpInBrowser (ask: Ask, email = freshEmail()): Promise<Person> {
  const { id, csrfToken, cookie } = await openFlow(ask, 'registration', 'browser')
  const reply = await submit(ask, 'registration', id, {
    method: 'password',
    password: PASSWORD,
    traits: { email },
    csrf_token: csrfToken,
  }, { cookie })
  return personOf(email, reply)
}

function personOf (email: string, reply: Reply, token?: string): Person {
  const { identity, session } = reply.body
  if (session === undefined) { throw new Error(`${email} did not get a session: ${reply.status} ${JSON.stringify(reply.body)}`) }
  const value = token ?? /ory_kratos_session=([^;]+)/.exec(cookiesOf(reply))?.[1] ?? ''
  const header: Record<string, string> = token === undefined
    ? { cookie: `ory_kratos_session=${value}` }
    : { 'x-session-token': value }
  return { email, id: identity.id, sessionId: session.id, session: header, value, reply }
}

export async function logIn (ask: Ask, identifier: string, password = PASSWORD): Promise<Reply> {
  const { id } = await openFlow(ask, 'login', 'api')
  return await submit(ask, 'login', id, { method: 'password', identifier, password })
}

export async function logInToBrowser (
  ask: Ask,
  identifier: string,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const { id, csrfToken, cookie } = await openFlow(ask, 'login', 'browser')
  return await submit(ask, 'login', id, { method: 'password', identifier, password: PASSWORD, csrf_token: csrfToken }, {
    cookie,
    ...headers,
  })
}

export const whoami = async (ask: Ask, headers: Record<string, string> = {}): Promise<Reply> =>
  await ask('GET', '/sessions/whoami', { headers })

/** Sets up an authenticator app and, on request, backup codes, for somebody with a session of an app. */
export async function addSecondFactor (ask: Ask, { session }: Person): Promise<{ totp: TOTP, backupCodes: string[] }> {
  const { id, reply } = await openFlow(ask, 'settings', 'api', session)
  const totp = new TOTP({
    secret: Secret.fromBase32(nodeNamed(reply.body, 'totp_secret_key')?.attributes['text'].text),
  })
  await submit(ask, 'settings', id, { method: 'totp', totp_code: totp.generate() }, session)
  const shown = await submit(ask, 'settings', id, { method: 'lookup_secret', lookup_secret_regenerate: true }, session)
  const codes: string = nodeNamed(shown.body, 'lookup_secret_codes')?.attributes['text'].text ?? ''
  await submit(ask, 'settings', id, { method: 'lookup_secret', lookup_secret_confirm: true }, session)
  return { totp, backupCodes: codes.split(', ') }
}
