import type { FastifyRequest } from 'fastify'
import { serviceError } from '../errors.js'
import { keyedSession, recordAuthEvent } from '../http/auth-events.js'
import { loginThrottle } from '../http/own-names.js'
import { isRecord, type JsonObject } from '../kratos-client/kratos-body.js'
import { setCookieLines } from '../kratos-client/cookies.js'
import type { StreamedAnswer } from '../kratos-client/streamed-call.js'
import { holdsProof, triedFactor, type TryResult } from '../throttling/second-factor.js'
import { failureEvent, loginEvent, noteSession, sessionIn, whoseLogin } from './login-events.js'
import { newCredential } from './next-flow.js'
import { outOfBounds } from './text-bounds.js'

/** The members of a form by their flat names; one that is there twice is a list. */
function formMembers (text: string): JsonObject {
  const members = new Map<string, string[]>()
  for (const [name, value] of new URLSearchParams(text)) {
    const values = members.get(name)
    if (values === undefined) members.set(name, [value])
    else values.push(value)
  }
  return Object.fromEntries([...members].map(([name, values]) => [name, values.length > 1 ? values : values[0]]))
}

/** Undefined for what is no JSON. */
function jsonMembers (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The object that an answer holds; undefined where it was not read, or holds none. */
export function objectIn (whole: Buffer | undefined): JsonObject | undefined {
  const value = whole === undefined ? undefined : jsonMembers(whole.toString('utf8'))
  return isRecord(value) ? value : undefined
}

/** Whether an answer holds what a step came to, and no page or redirect. */
export const isJsonStep = ({ status, headers }: StreamedAnswer): boolean =>
  status === 200 && String(headers['content-type']).startsWith('application/json')

/** Go takes such a pair of a query for none, and reads the next one of that name. */
const UNREAD_PAIR = /;|%(?![\da-f]{2})/i

/** Of a path or URL: all behind the first question mark, as Kratos reads it. */
export function queryIn (url: string): URLSearchParams {
  const pairs = (url.split(/\?(.*)/s)[1] ?? '').split('&')
  return new URLSearchParams(pairs.filter((pair) => !UNREAD_PAIR.test(pair)).join('&'))
}

/** The flow of a submit. Kratos takes its id in braces, as a URN, without hyphens and in capitals too. */
export function flowIdIn (query: URLSearchParams): string | undefined {
  const text = query.get('flow')?.toLowerCase().slice(0, 64)
  const digits = text?.replace(/^urn:uuid:/, '').replaceAll(/[{}-]/g, '') ?? ''
  return /^[\da-f]{32}$/.test(digits) ? digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-') : text
}

/**
 * What Kratos reads in the body of a submit. A form may be JSON as well, and Kratos takes JSON with anything behind it:
 * it must find nothing that is not counted here.
 * @throws ServiceError for what cannot be read as its type says
 */
export function submittedMembers (body: Buffer | null, type = ''): unknown {
  const text = body?.toString('utf8') ?? ''
  const json = jsonMembers(text)
  const [saysJson, saysForm] = [/json/i, /x-www-form-urlencoded/i].map((name) => name.test(type))
  if (saysJson === true && (saysForm === true || (text !== '' && json === undefined))) {
    throw serviceError('VALIDATION_ERROR')
  }
  if (saysForm === true) return { ...(isRecord(json) ? json : {}), ...formMembers(text) }
  return json ?? formMembers(text)
}

/** Kratos reads some members in the query of a submit as well; of both one may hide the other. */
export function withQuery (members: unknown, query: URLSearchParams): unknown {
  const own = isRecord(members) ? members : {}
  const inQuery = formMembers(query.toString())
  const names = Object.keys(inQuery).filter((name) => name !== 'flow')
  if (names.length === 0) return members
  const both = names.map((name) => [name, Object.hasOwn(own, name) ? [own[name], inQuery[name]].flat() : inQuery[name]])
  return { ...own, ...Object.fromEntries(both) as JsonObject }
}

const isLogin = (path: string): boolean => /^\/self-service\/login(?:\?|$)/.test(path)
/** In a registration a refusal is a name that is taken, or a field that is wrong. */
const provesIdentity = (path: string): boolean => /^\/self-service\/(?:login|recovery)(?:\?|$)/.test(path)
const givesSession = (path: string): boolean => /^\/self-service\/(?:login|registration|recovery)(?:\?|$)/.test(path)

/**
 * The budgets of a submit at our own routes, for one below /kratos/.
 * @param path of Kratos, with its query
 * @throws ServiceError
 */
export async function throttleProxied (request: FastifyRequest, path: string, members: unknown): Promise<void> {
  const { [loginThrottle]: throttle } = request.server
  const found = outOfBounds(members)
  if (found !== undefined) throw serviceError('VALIDATION_ERROR', { fields: [found] })
  const query = queryIn(path)
  const all = withQuery(members, query)
  await throttle.byIdentifier(request, all, flowIdIn(query))
  if (!isLogin(path)) return
  await throttle.bySecondFactor(request, all)
  noteSession(request, all)
}

/** Kratos says what was wrong in a body or on the page that it redirects to: all but a success is a wrong code here. */
const resultOf = (answer: StreamedAnswer, gaveSession: boolean): TryResult =>
  answer.status === 200 || gaveSession ? 'right' : [303, 400, 422].includes(answer.status) ? 'wrong' : 'neither'

/** A form is sent back to the page of the same flow; for another problem Kratos begins a new one, or shows an error. */
function isSentBack (path: string, { status, headers }: StreamedAnswer): boolean {
  const id = flowIdIn(queryIn(path))
  return status === 303 && id !== undefined && id === flowIdIn(queryIn(String(headers.location ?? '')))
}

/** Of a form's redirect nothing can be read but that it sets a session, or leads back. */
function tellProxiedLogin (
  request: FastifyRequest,
  members: unknown,
  answer: { path: string, upstream: StreamedAnswer, gaveSession: boolean, body: JsonObject },
): void {
  const { path, upstream, gaveSession, body } = answer
  if (gaveSession) {
    const event = loginEvent(isLogin(path) ? 'login' : 'registration', sessionIn(body))
    if (event !== undefined) recordAuthEvent(request, event)
    return
  }
  const isRefused = upstream.status === 400 || isSentBack(path, upstream)
  if (isRefused && provesIdentity(path) && holdsProof(members)) {
    recordAuthEvent(request, failureEvent(request, isLogin(path) ? triedFactor(members) : undefined))
  }
}

const leadsToFactor = ({ headers: { location } }: StreamedAnswer): boolean =>
  queryIn(String(location ?? '')).get('aal') === 'aal2'

/** Whether the answer has to be read whole, because the session that it gives is in its body. */
export const mayHoldToken = (path: string, answer: StreamedAnswer): boolean => givesSession(path) && isJsonStep(answer)

/** @param whole the body, where `mayHoldToken` */
export async function noteProxiedLogin (
  request: FastifyRequest,
  members: unknown,
  answer: StreamedAnswer,
  { path, cookieName, whole }: { path: string, cookieName: string, whole: Buffer | undefined },
): Promise<void> {
  const { [loginThrottle]: throttle } = request.server
  const body = objectIn(whole) ?? {}
  const credential = newCredential({
    answer: { kind: 'ok', next: 'done', body, setCookie: setCookieLines(answer.headers) },
    cookieName,
  })
  const gaveSession = credential !== undefined
  tellProxiedLogin(request, members, { path, upstream: answer, gaveSession, body })
  await throttle.settleSecondFactor(request, resultOf(answer, gaveSession))
  // A form is always redirected; of JSON, the second factor alone.
  const whose = whoseLogin(request, isLogin(path) && (answer.status === 422 || leadsToFactor(answer)))
  await throttle.rememberLogin(request, members, credential, { session: keyedSession(request, body), whose })
}
