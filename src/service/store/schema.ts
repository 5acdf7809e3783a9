/** A person as the product knows them, in step with the identity of the same id at Kratos. Times are RFC 3339. */
export interface UserRecord {
  /** The identity's UUID; stored in lower case. */
  identity_id: string
  email: string | null
  first_name: string | null
  last_name: string | null
  username: string | null
  created_at: string
  updated_at: string
}

export interface DocumentRecord {
  id: string
  title: string
  content: string
  created_at: string
  updated_at: string
}

/**
 * `revision` counts the writes of a row, from 1: how one statement tells an insert from an update on both databases.
 */
export interface UsersTable extends UserRecord {
  revision: number
}

export interface DocumentsTable extends DocumentRecord {
  owner_id: string
}

/** Times in milliseconds since 1970; from `expires_at` on the row says no more than none. */
export interface LoginBudgetsTable {
  key: string
  used: number
  since: number
  expires_at: number
}

/** What is known of the login behind a session: digests only. Times as above. */
export interface LoginSessionsTable {
  key: string
  value: string
  expires_at: number
}

export interface StoreSchema {
  users: UsersTable
  documents: DocumentsTable
  login_budgets: LoginBudgetsTable
  login_sessions: LoginSessionsTable
}

export const USER_COLUMNS = [
  'identity_id',
  'email',
  'first_name',
  'last_name',
  'username',
  'created_at',
  'updated_at',
] as const satisfies ReadonlyArray<keyof UserRecord>

export const DOCUMENT_COLUMNS = [
  'id',
  'title',
  'content',
  'created_at',
  'updated_at',
] as const satisfies ReadonlyArray<keyof DocumentRecord>
