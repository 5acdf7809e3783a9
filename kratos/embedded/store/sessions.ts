import { newId, NIL_UUID } from '../random.js'
import type { Aal, AuthenticationMethod, Device, Session } from '../session/session.js'
import { number, optionalText, text, type Row, type Sql } from './database.js'
import type { IdentityStore } from './identities.js'

export interface SessionStore {
  /**
   * Stores the session. A new one gets an id and its device; a known one keeps its devices and issued_at (recordings
   * 11, 34).
   */
  save(session: Session, now: number): void
  get(id: string): Session | undefined
  byToken(token: string): Session | undefined
  /** Sessions of an identity, newest first. */
  ofIdentity(identityId: string): Session[]
  /** All sessions, newest first. */
  all(): Session[]
  revoke(id: string): boolean
  /** Sets the expiry of a session, even of an ended one. */
  extend(id: string, expiresAt: number): void
  revokeByToken(token: string): boolean
  /** @returns the number of other sessions of the identity; all of them are inactive afterwards */
  revokeOthers(identityId: string, except: string): number
  deleteOfIdentity(identityId: string): number
}

export function sessionStore (sql: Sql, identities: IdentityStore): SessionStore {
  const load = (row: Row | undefined): Session | undefined => {
    const identity = row === undefined ? undefined : identities.get(text(row, 'identity_id'))
    return row === undefined || identity === undefined
      ? undefined
      : { ...fromRow(row), identity, devices: devicesOf(sql, text(row, 'id')) }
  }
  const loadAll = (rows: Row[]): Session[] => rows.map(load).filter((session) => session !== undefined)
  return {
    save: (session, now) =>
      sql.transaction(() => {
        if (session.id === NIL_UUID) insert(sql, session, now)
        else update(sql, session, now)
      }),
    get: (id) => load(sql.get('SELECT * FROM sessions WHERE id = ?', id)),
    byToken: (token) => load(sql.get('SELECT * FROM sessions WHERE token = ?', token)),
    ofIdentity: (identityId) =>
      loadAll(sql.all('SELECT * FROM sessions WHERE identity_id = ? ORDER BY created_at DESC, rowid DESC', identityId)),
    all: () => loadAll(sql.all('SELECT * FROM sessions ORDER BY created_at DESC, rowid DESC')),
    revoke: (id) => sql.run('UPDATE sessions SET active = 0 WHERE id = ?', id).changes > 0,
    extend: (id, expiresAt) => {
      sql.run('UPDATE sessions SET expires_at = ? WHERE id = ?', expiresAt, id)
    },
    revokeByToken: (token) => sql.run('UPDATE sessions SET active = 0 WHERE token = ?', token).changes > 0,
    revokeOthers: (identityId, except) =>
      sql.run('UPDATE sessions SET active = 0 WHERE identity_id = ? AND id <> ?', identityId, except).changes,
    deleteOfIdentity: (identityId) => sql.run('DELETE FROM sessions WHERE identity_id = ?', identityId).changes,
  }
}

function insert (sql: Sql, session: Session, now: number): void {
  session.id = newId()
  session.createdAt = now
  sql.run(
    'INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    session.id,
    session.identityId,
    session.token,
    session.logoutToken,
    session.active,
    session.aal,
    JSON.stringify(session.methods),
    session.issuedAt,
    session.authenticatedAt,
    session.expiresAt,
    now,
    now,
  )
  for (const device of session.devices) {
    device.id = newId()
    sql.run(
      'INSERT INTO devices VALUES (?, ?, ?, ?, ?, ?)',
      device.id,
      session.id,
      device.ipAddress,
      device.userAgent,
      device.location,
      now,
    )
  }
}

function update (sql: Sql, session: Session, now: number): void {
  sql.run(
    `UPDATE sessions SET identity_id = ?, active = ?, aal = ?, methods = ?, authenticated_at = ?, expires_at = ?,
      updated_at = ? WHERE id = ?`,
    session.identityId,
    session.active,
    session.aal,
    JSON.stringify(session.methods),
    session.authenticatedAt,
    session.expiresAt,
    now,
    session.id,
  )
}

const devicesOf = (sql: Sql, sessionId: string): Device[] =>
  sql.all('SELECT * FROM devices WHERE session_id = ? ORDER BY rowid', sessionId).map((row) => ({
    id: text(row, 'id'),
    ipAddress: optionalText(row, 'ip_address') ?? null,
    userAgent: optionalText(row, 'user_agent') ?? null,
    location: optionalText(row, 'location') ?? null,
  }))

const fromRow = (row: Row): Omit<Session, 'identity' | 'devices'> => ({
  id: text(row, 'id'),
  token: text(row, 'token'),
  logoutToken: text(row, 'logout_token'),
  active: row['active'] === 1,
  aal: text(row, 'aal') as Aal,
  methods: JSON.parse(text(row, 'methods')) as AuthenticationMethod[],
  issuedAt: number(row, 'issued_at'),
  authenticatedAt: number(row, 'authenticated_at'),
  expiresAt: number(row, 'expires_at'),
  createdAt: number(row, 'created_at'),
  identityId: text(row, 'identity_id'),
})
