import type { FlowData, FlowKind } from '../flow/flow.js'
import type { JsonObject } from '../json.js'
import { codeStore, type CodeStore } from './codes.js'
import { number, openDatabase, text, type Sql } from './database.js'
import { exchangeStore, type ExchangeStore } from './exchanges.js'
import { identityStore, type IdentityStore } from './identities.js'
import { messageStore, type MessageStore } from './messages.js'
import { sessionStore, type SessionStore } from './sessions.js'
import { TABLES } from './tables.js'

export interface StoredError {
  id: string
  error: JsonObject
  createdAt: number
  updatedAt: number
}

/** An action of a browser that is to be resumed; an empty identity id means anybody. */
export interface PausedAction {
  id: string
  name: string
  identityId: string
  payload: JsonObject
  expiresAt: number
}

/** Everything that is stored; no other module uses SQL. */
export interface Store {
  identities: IdentityStore
  sessions: SessionStore
  messages: MessageStore
  codes: CodeStore
  exchanges: ExchangeStore
  flows: {
    save(flow: FlowData): void
    get(kind: FlowKind, id: string): FlowData | undefined
    /** Atomically counts a try at a code of this flow. @returns the number of tries */
    countTry(id: string): number
  }
  errors: {
    create(error: StoredError): void
    get(id: string): StoredError | undefined
  }
  continuity: {
    create(action: PausedAction): void
    get(id: string): PausedAction | undefined
    expire(id: string, at: number): void
    delete(id: string): void
  }
  close(): void
}

/** @param path a file, or `:memory:` */
export function openStore (path: string): Store {
  const sql = openDatabase(path)
  for (const statement of TABLES.split(';').filter((part) => part.trim() !== '')) sql.run(statement)
  const identities = identityStore(sql)
  return {
    identities,
    sessions: sessionStore(sql, identities),
    messages: messageStore(sql),
    codes: codeStore(sql),
    exchanges: exchangeStore(sql),
    flows: flowStore(sql),
    errors: errorStore(sql),
    continuity: continuityStore(sql),
    close: () => sql.close(),
  }
}

const flowStore = (sql: Sql): Store['flows'] => ({
  save: (flow) => {
    sql.run(
      `INSERT INTO flows (id, kind, expires_at, data) VALUES (?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at, data = excluded.data`,
      flow.id,
      flow.kind,
      flow.expiresAt,
      JSON.stringify(flow),
    )
  },
  get: (kind, id) => {
    const row = sql.get('SELECT data FROM flows WHERE id = ? AND kind = ?', id, kind)
    return row === undefined ? undefined : JSON.parse(text(row, 'data')) as FlowData
  },
  countTry: (id) =>
    number(
      sql.get('UPDATE flows SET submit_count = submit_count + 1 WHERE id = ? RETURNING submit_count', id) ?? {},
      'submit_count',
    ),
})

const errorStore = (sql: Sql): Store['errors'] => ({
  create: ({ id, error, createdAt, updatedAt }) => {
    sql.run('INSERT INTO errors VALUES (?, ?, ?, ?)', id, JSON.stringify(error), createdAt, updatedAt)
  },
  get: (id) => {
    const row = sql.get('SELECT * FROM errors WHERE id = ?', id)
    if (row === undefined) return undefined
    return {
      id,
      error: JSON.parse(text(row, 'error')),
      createdAt: number(row, 'created_at'),
      updatedAt: number(row, 'updated_at'),
    }
  },
})

const continuityStore = (sql: Sql): Store['continuity'] => ({
  create: ({ id, name, identityId, payload, expiresAt }) => {
    sql.run('INSERT INTO continuity VALUES (?, ?, ?, ?, ?)', id, name, identityId, JSON.stringify(payload), expiresAt)
  },
  get: (id) => {
    const row = sql.get('SELECT * FROM continuity WHERE id = ?', id)
    if (row === undefined) return undefined
    return {
      id,
      name: text(row, 'name'),
      identityId: text(row, 'identity_id'),
      payload: JSON.parse(text(row, 'payload')),
      expiresAt: number(row, 'expires_at'),
    }
  },
  expire: (id, at) => {
    sql.run('UPDATE continuity SET expires_at = ? WHERE id = ?', at, id)
  },
  delete: (id) => {
    sql.run('DELETE FROM continuity WHERE id = ?', id)
  },
})
