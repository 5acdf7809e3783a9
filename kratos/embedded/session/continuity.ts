import { isSecure, setCookieLine } from '../http/cookies.js'
import { badRequest, forbidden } from '../http/errors.js'
import { cookieValues, type Exchange } from '../http/exchange.js'
import type { JsonObject } from '../json.js'
import { newId } from '../random.js'

const COOKIE = 'ory_kratos_continuity'
const COOKIE_SECONDS = 30 * 24 * 60 * 60

export interface Pause {
  payload: JsonObject
  lifespanMs: number
  /** The only identity that may resume; empty: any browser with the cookie. */
  identityId?: string
}

/** Ids of paused actions by name, from the request's cookie. */
const sentIds = (ex: Exchange): JsonObject | undefined =>
  cookieValues(ex, COOKIE).map((value) => ex.kratos.sealer.open(COOKIE, value)).find((opened) => opened !== undefined)

/** The same, with changes of the current request. */
const changedIds = new WeakMap<Exchange, JsonObject>()

/** Sends the cookie with one id changed. Kratos adds a Set-Cookie line each time and never replaces an earlier one. */
function sendCookie (ex: Exchange, name: string, id?: string): void {
  const ids = changedIds.get(ex) ?? { ...sentIds(ex) }
  changedIds.set(ex, ids)
  if (id === undefined) delete ids[name]
  else ids[name] = id
  ex.setCookies.set(
    `${COOKIE} ${ex.setCookies.size}`,
    setCookieLine(COOKIE, ex.kratos.sealer.seal(COOKIE, ids), {
      path: '/',
      maxAge: COOKIE_SECONDS,
      expires: ex.kratos.clock.now() + COOKIE_SECONDS * 1000,
      secure: isSecure(ex.kratos, ex.kratos.config.cookies.secure),
      sameSite: 'Lax',
    }),
  )
}

/** The id under a name. A cookie that cannot be opened is replaced each time. */
function sentId (ex: Exchange, name: string): string | undefined {
  const ids = sentIds(ex)
  if (ids === undefined && cookieValues(ex, COOKIE).length > 0) sendCookie(ex, name)
  const id = ids?.[name]
  return typeof id === 'string' ? id : undefined
}

/** Stores an action of a browser, to be resumed with the cookie that this sends (recordings 52, 68). */
export function pause (ex: Exchange, name: string, { payload, lifespanMs, identityId = '' }: Pause): void {
  const id = newId()
  ex.kratos.store.continuity.create({ id, name, identityId, payload, expiresAt: ex.kratos.clock.now() + lifespanMs })
  sendCookie(ex, name, id)
}

/**
 * Resumes a paused action once.
 * @param identityId the required owner; empty: any
 * @returns its payload, or undefined when there is none
 * @throws ApiError 403 for the action of another identity
 */
export function resume (ex: Exchange, name: string, identityId = ''): JsonObject | undefined {
  const { clock, store } = ex.kratos
  const id = sentId(ex, name)
  if (id === undefined) return undefined
  const action = store.continuity.get(id)
  const isResumable = action !== undefined && action.expiresAt >= clock.now()
  if (isResumable && identityId !== '' && action.identityId !== identityId) {
    throw forbidden('The flow has been blocked for security reasons because it was initiated by another person..')
  }
  sendCookie(ex, name)
  store.continuity.delete(id)
  return isResumable ? action.payload : undefined
}

/**
 * Resumes a paused action, which can be resumed again for a while, because a browser may load a page twice (recording
 * 68).
 * @throws ApiError 400 when there is none
 */
export function resumeAgain (ex: Exchange, name: string, repeatMs: number): JsonObject {
  const { clock, store } = ex.kratos
  const id = sentId(ex, name)
  const action = id === undefined ? undefined : store.continuity.get(id)
  if (id === undefined || action === undefined || action.expiresAt < clock.now()) {
    if (id !== undefined) sendCookie(ex, name)
    throw badRequest(
      "The browser does not contain the necessary cookie to resume the session. This is a security violation and was blocked. Please clear your browser's cookies and cache and try again!",
      { message: 'no resumable session found' },
    )
  }
  store.continuity.expire(id, clock.now() + repeatMs)
  return action.payload
}

/** Drops a paused action. */
export function abort (ex: Exchange, name: string): void {
  const id = sentId(ex, name)
  if (id === undefined) return
  sendCookie(ex, name)
  ex.kratos.store.continuity.delete(id)
}
