import type { FlowData, FlowKind } from '../flow/flow.js'
import type { JsonObject } from '../json.js'
import { number, openDatabase, text, type Sql } from './database.js'
import { identityStore, type IdentityStore } from './identities.js'
import { messageStore, type MessageStore } from './messages.js'
import { sessionStore, type SessionStore } from './sessions.js'
import { TABLES } from './tables.js'

export interface StoredError { id: string, error: JsonObject, createdAt: number, updatedAt: number }

/** All that is kept; no other module knows SQL. */
export interface Store {
  identities: IdentityStore
  sessions: SessionStore
  messages: MessageStore
  flows: {
    save (flow: FlowData): void
    get (kind: FlowKind, id: string): FlowData | undefined
  }
  errors: {
    create (error: StoredError): void
    get (id: string): StoredError | undefined
  }
  close (): void
}

/** @param path a file, or `:memory:` */
export function openStore (path: string): Store {
  const sql = openDatabase(path)
  for (const statement of TABLES.split(';').filter(part => part.trim() !== '')) sql.run(statement)
  const identities = identityStore(sql)
  return {
    identities,
    sessions: sessionStore(sql, identities),
    messages: messageStore(sql),
    flows: flowStore(sql),
    errors: errorStore(sql),
    close: () => sql.close()
  }
}

const flowStore = (sql: Sql): Store['flows'] => ({
  save: (flow) => {
    sql.run('INSERT INTO flows VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at, data = excluded.data',
      flow.id, flow.kind, flow.expiresAt, JSON.stringify(flow))
  },
  get: (kind, id) => {
    const row = sql.get('SELECT data FROM flows WHERE id = ? AND kind = ?', id, kind)
    return row === undefined ? undefined : JSON.parse(text(row, 'data')) as FlowData
  }
})

const errorStore = (sql: Sql): Store['errors'] => ({
  create: ({ id, error, createdAt, updatedAt }) => { sql.run('INSERT INTO errors VALUES (?, ?, ?, ?)', id, JSON.stringify(error), createdAt, updatedAt) },
  get: (id) => {
    const row = sql.get('SELECT * FROM errors WHERE id = ?', id)
    if (row === undefined) return undefined
    return { id, error: JSON.parse(text(row, 'error')), createdAt: number(row, 'created_at'), updatedAt: number(row, 'updated_at') }
  }
})
