import { durationMs, isoMicroseconds } from '../clock.js'
import { empty, json, JSON_TYPE, type Answer } from '../http/answer.js'
import { ApiError, badRequest, noRow } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import { linkTo, pageParameters, paginationHeaders } from '../http/pagination.js'
import { route, type Route } from '../http/router.js'
import type { JsonObject } from '../json.js'
import { parseUuid } from '../random.js'
import { sessionJson } from '../session/json.js'
import type { Session } from '../session/session.js'

const malformed = (message: string): ApiError => new ApiError({ code: 400, message })

function uuidIn (ex: Exchange): string {
  const text = ex.params['id'] ?? ''
  const id = parseUuid(text)
  if (id === undefined) throw malformed(`uuid: incorrect UUID length ${text.length} in string ${JSON.stringify(text)}`)
  return id
}

function sessionById (ex: Exchange): Session {
  const session = ex.kratos.store.sessions.get(uuidIn(ex))
  if (session === undefined) throw noRow()
  return session
}

/** Active and not expired. The state of the identity does not count here. */
const isLive = ({ kratos }: Exchange, session: Session): boolean =>
  session.active && session.expiresAt > kratos.clock.now()

/** The `active` filter, parsed like a boolean in Go. @throws ApiError 400 */
function activeFilter (ex: Exchange): (session: Session) => boolean {
  const text = ex.query.get('active') ?? ''
  const isWanted = /^(1|t|true)$/i.test(text)
  if (text !== '' && !isWanted && !/^(0|f|false)$/i.test(text)) throw malformed('could not parse parameter active')
  return (session) => text === '' || isLive(ex, session) === isWanted
}

interface Expansion {
  identity: boolean
  devices: boolean
}

function expansion ({ query }: Exchange): Expansion {
  const wanted = query.getAll('expand').map((name) => name.toLowerCase())
  const unknown = query.getAll('expand').find((name) => !['identity', 'devices'].includes(name.toLowerCase()))
  if (unknown !== undefined) throw badRequest(`Could not parse expand option: ${unknown}`)
  return { identity: wanted.includes('identity'), devices: wanted.includes('devices') }
}

/** Sessions of one identity, including ended ones. */
function ofIdentity (ex: Exchange): Answer {
  const { kratos } = ex
  const isShown = activeFilter(ex)
  const sessions = kratos.store.sessions.ofIdentity(uuidIn(ex)).filter(isShown)
  const { page, perPage } = pageParameters(ex.query)
  // The first two pages are the same: Kratos counts from 0 in the links and from 1 in the database.
  const start = Math.max(0, page - 1) * perPage
  const shown = sessions
    .slice(start, start + perPage)
    .map((session) => sessionJson(kratos, session, { identity: 'bare' }))
  return json(200, shown, paginationHeaders(ex, sessions.length, page, perPage))
}

function endAllOf (ex: Exchange): Answer {
  if (ex.kratos.store.sessions.deleteOfIdentity(uuidIn(ex)) === 0) throw noRow()
  return empty(204)
}

/** A page token as Kratos makes it, from id and time. */
const tokenFor = (id: string, createdAt: string): string =>
  Buffer.from(`id=${id}/created_at=${createdAt}`).toString('base64url')

const FIRST_TOKEN = tokenFor('00000000-0000-0000-0000-000000000000', '2200-12-31 23:59:59')

/** Index of the first session of a page; sessions are sorted newest first. @throws ApiError 400 for an invalid token */
function startOf (sessions: Session[], token: string): number {
  const text = Buffer.from(token, 'base64url').toString()
  const id = parseUuid(/(?:^|\/)id=([^/]*)/.exec(text)?.[1])
  const createdAt = Date.parse(`${/(?:^|\/)created_at=([^/]*)/.exec(text)?.[1] ?? ''}Z`)
  if (id === undefined || Number.isNaN(createdAt)) {
    // A mistake of Kratos: it names the other parameter.
    throw malformed('could not parse parameter page_size')
  }
  const at = sessions.findIndex((session) => session.id === id)
  if (at !== -1) return at + 1
  const older = sessions.findIndex((session) => session.createdAt < createdAt)
  return older === -1 ? sessions.length : older
}

/** All sessions, newest first. */
function list (ex: Exchange): Answer {
  const { kratos, query } = ex
  const isShown = activeFilter(ex)
  const text = query.get('page_size')
  if (text !== null && !/^[+-]?\d+$/.test(text)) throw malformed('could not parse parameter page_size')
  const size = Number(text ?? 0) <= 0 ? 250 : Math.min(Number(text), 1000)
  const expanded = expansion(ex)
  const sessions = kratos.store.sessions.all().filter(isShown)
  const start = startOf(sessions, query.get('page_token') ?? FIRST_TOKEN)
  const shown = sessions.slice(start, start + size)
  const last = shown.at(-1)
  const link = (rel: string, token: string): string => linkTo(ex, rel, { page_size: String(size), page_token: token })
  const next = last !== undefined && sessions.length > start + size
    ? [link('next', tokenFor(last.id, sqlTime(last.createdAt)))]
    : []
  const noDevices = expanded.devices ? {} : { devices: null }
  return json(
    200,
    shown.map((session) => ({ ...shownSession(ex, session, expanded, 'listed'), ...noDevices })),
    { Link: [link('first', FIRST_TOKEN), ...next].join(',') },
  )
}

/** Kratos cuts the time of a page token after five digits. */
const sqlTime = (ms: number): string =>
  isoMicroseconds(ms).replace('T', ' ').slice(0, -2).replace(/\.?0+$/, '')

/** What is not expanded is null or empty. A list shows the identity without its addresses. */
const shownSession = (
  ex: Exchange,
  session: Session,
  { identity, devices }: Expansion,
  detail: 'listed' | 'full',
): JsonObject => ({
  ...sessionJson(ex.kratos, session, { identity: identity ? detail : 'none' }),
  ...(identity ? {} : { active: isLive(ex, session) }),
  ...(devices ? {} : { devices: [] }),
})

function get (ex: Exchange): Answer {
  const id = uuidIn(ex)
  const expanded = expansion(ex)
  const session = ex.kratos.store.sessions.get(id)
  if (session === undefined) throw noRow()
  return json(200, shownSession(ex, session, expanded, 'full'))
}

/** Ends a session. The answer is 204 even if it has already ended. */
function end (ex: Exchange): Answer {
  if (!ex.kratos.store.sessions.revoke(uuidIn(ex))) throw noRow()
  return empty(204, JSON_TYPE)
}

/** Extends a session that may be extended. An ended session stays ended (recording 81). */
function extend (ex: Exchange): Answer {
  const { clock, config, store } = ex.kratos
  const session = sessionById(ex)
  const lifespanMs = durationMs(config.session.lifespan)
  const { earliest_possible_extend: earliest } = config.session
  const now = clock.now()
  if (session.expiresAt - (earliest === undefined ? lifespanMs : durationMs(earliest)) < now) {
    session.expiresAt = now + lifespanMs
    store.sessions.extend(session.id, session.expiresAt)
  }
  if (config.feature_flags['faster_session_extend'] === true) return empty(204)
  return json(200, shownSession(ex, session, { identity: true, devices: false }, 'full'))
}

/** Sessions in the admin API (recordings 32, 35, 81). */
export const adminSessionRoutes: Route[] = [
  route('GET', '/admin/sessions', list),
  route('GET', '/admin/sessions/{id}', get),
  route('DELETE', '/admin/sessions/{id}', end),
  route('PATCH', '/admin/sessions/{id}/extend', extend),
  route('GET', '/admin/identities/{id}/sessions', ofIdentity),
  route('DELETE', '/admin/identities/{id}/sessions', endAllOf),
]
