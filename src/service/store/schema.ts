/** In step with the identity of the same id at Kratos. Times are RFC 3339. */
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

export interface DocumentSummary {
  id: string
  title: string
  created_at: string
  updated_at: string
}

export interface DocumentRecord extends DocumentSummary {
  content: string
}

/** `revision` counts a row's writes, from 1: how one statement tells an insert from an update on both databases. */
export interface UsersTable extends UserRecord {
  revision: number
}

/** `bytes` is what title and content have in UTF-8; 0 in rows of a version before the quotas. */
export interface DocumentsTable extends DocumentRecord {
  owner_id: string
  bytes: number
}

/** Times in milliseconds since 1970; from `expires_at` on the row equals none. */
export interface LoginBudgetsTable {
  key: string
  used: number
  since: number
  expires_at: number
}

/** With `deleted_at` the account is gone, and the row is its tombstone. Times as `toISOString` writes them. */
export interface AccountDeletionsTable {
  identity_id: string
  requested_at: string
  /** When a process last worked on it. */
  attempted_at: string
  deleted_at: string | null
}

/** What is known of the login behind a session: digests only. Times in milliseconds since 1970. */
export interface LoginSessionsTable {
  key: string
  value: string
  expires_at: number
}

/**
 * `position` is the order in which events were committed. Times as `toISOString` writes them. `address` is the full one
 * until `address_until`, then only `network` is left; both go with the identity.
 */
export interface EventsTable {
  position: number
  id: string
  type: string
  occurred_at: string
  identity_id: string | null
  session: string | null
  address: string | null
  network: string | null
  address_until: string | null
  reason: string | null
  method: string | null
  request_id: string | null
  replica: string
  count: number
}

/** One row: whoever writes events holds it until they are committed. */
export interface EventCounterTable {
  id: number
  last: number
}

/** Up to `position` a subscriber has each event, or a row for it in the other table. */
export interface EventSubscribersTable {
  name: string
  position: number
  /** Who works for it; `beat` grows as long as that process lives. */
  owner: string | null
  beat: number
}

/**
 * An event that a subscriber did not take. With `next_at` it is tried again then; without, it waits for an earlier one
 * of its identity, or with `dead_at` for nobody.
 */
export interface EventDeliveriesTable {
  name: string
  position: number
  identity_id: string | null
  attempts: number
  next_at: string | null
  dead_at: string | null
  error: string | null
}

/** Work that one process does for all. */
export interface JobsTable {
  name: string
  owner: string | null
  held_until: string
  done_at: string
}

export interface StoreSchema {
  jobs: JobsTable
  events: EventsTable
  event_counter: EventCounterTable
  event_subscribers: EventSubscribersTable
  event_deliveries: EventDeliveriesTable
  users: UsersTable
  documents: DocumentsTable
  login_budgets: LoginBudgetsTable
  account_deletions: AccountDeletionsTable
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

export const SUMMARY_COLUMNS = [
  'id',
  'title',
  'created_at',
  'updated_at',
] as const satisfies ReadonlyArray<keyof DocumentSummary>

export const DOCUMENT_COLUMNS = [...SUMMARY_COLUMNS, 'content'] as const satisfies ReadonlyArray<keyof DocumentRecord>
