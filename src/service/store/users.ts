import { sql, type Kysely } from 'kysely'
import { AccountDeletedError, StoreUnavailableError } from './errors.js'
import type { EventOrigin, EventWriter } from './events.js'
import type { RetryPolicy, Run } from './retry-policy.js'
import { USER_COLUMNS, type StoreSchema, type UserRecord } from './schema.js'
import { normaliseTimestamp } from './timestamps.js'
import { checkRow, toCanonicalUuid } from './values.js'

/** SQLite statements cannot be interrupted, so a large account goes in pieces (K07). */
const DELETE_BATCH = 500

/**
 * All calls reject with StoreUnavailableError while the database cannot be used. Whatever changes a row writes its
 * event in the same transaction. @param origin of the request that is the cause
 */
export interface UserRepository {
  /**
   * Inserts, or overwrites everything but `created_at` if `updated_at` is newer: repeated and late news change nothing
   * (F08 to F10), nor do news of a deleted account. The nil UUID is for the caller to refuse. @throws InvalidValueError
   * for an id that is no UUID, a time that is not RFC 3339, text with NUL
   */
  upsert(user: UserRecord, origin?: EventOrigin): Promise<{ created: boolean }>
  /**
   * Makes a row, or one no older than this, where the news never came (F12). @throws AccountDeletedError, or
   * StoreUnavailableError while it is not known whether the account was deleted
   */
  ensure(user: UserRecord, origin?: EventOrigin): Promise<{ created: boolean }>
  find(identityId: string): Promise<UserRecord | undefined>
  /** Deletes the user's documents, then the user; whether there was one. Cut short, it can be repeated. */
  delete(identityId: string): Promise<boolean>
}

/** Until few or none are left. */
export async function deleteDocuments (db: Kysely<StoreSchema>, write: Run, ownerId: string): Promise<void> {
  const some = db.selectFrom('documents').select('id').where('owner_id', '=', ownerId).limit(DELETE_BATCH)
  for (let deleted = DELETE_BATCH; deleted >= DELETE_BATCH;) {
    const result = await write(() => db.deleteFrom('documents').where('id', 'in', some).executeTakeFirst())
    deleted = Number(result.numDeletedRows)
  }
}

/** @param events undefined: none are written */
export function createUserRepository (
  db: Kysely<StoreSchema>,
  { read, write }: RetryPolicy,
  events?: EventWriter | undefined,
): UserRepository {
  /** The row after the statement, if it wrote one. A tombstone keeps it from writing. */
  function insertRow (db: Kysely<StoreSchema>, user: UserRecord): Promise<{ revision: number } | undefined> {
    const names = Object.keys(user) as Array<keyof UserRecord>
    const tombstone = db.selectFrom('account_deletions').select('identity_id')
      .where('identity_id', '=', user.identity_id).where('deleted_at', 'is not', null)
    const row = db
      .selectNoFrom(({ val }) => [...names.map((name) => val(user[name]).as(name)), sql.lit(1).as('revision')])
      .where(({ not, exists }) => not(exists(tombstone)))
    return db.insertInto('users').columns([...names, 'revision']).expression(row)
      .onConflict((conflict) =>
        conflict.column('identity_id').doUpdateSet((eb) => ({
          email: eb.ref('excluded.email'),
          first_name: eb.ref('excluded.first_name'),
          last_name: eb.ref('excluded.last_name'),
          username: eb.ref('excluded.username'),
          updated_at: eb.ref('excluded.updated_at'),
          revision: eb('users.revision', '+', 1),
        })).whereRef('excluded.updated_at', '>', 'users.updated_at'),
      )
      .returning('revision').executeTakeFirst()
  }

  function writeRow (user: UserRecord, origin: EventOrigin = {}): Promise<{ revision: number } | undefined> {
    if (events === undefined) return write(() => insertRow(db, user))
    return write(() =>
      db.transaction().execute(async (transaction) => {
        const row = await insertRow(transaction, user)
        const type = row?.revision === 1 ? 'user.created' : 'user.updated'
        if (row !== undefined) await events.write(transaction, [{ ...origin, type, identityId: user.identity_id }])
        return row
      }),
    )
  }

  /** `begun`: a deletion was asked for; `done`: the account is gone. */
  async function deletionOf (identityId: string): Promise<'begun' | 'done' | undefined> {
    const row = await read(() =>
      db.selectFrom('account_deletions').select('deleted_at').where('identity_id', '=', identityId).executeTakeFirst(),
    )
    if (row === undefined) return undefined
    return row.deleted_at === null ? 'begun' : 'done'
  }

  // A new row whose account is being deleted goes again: the statement may have begun before the tombstone was there,
  // and ended after the deletion had looked for rows.
  async function store (
    user: UserRecord,
    origin: EventOrigin | undefined,
  ): Promise<{ created: boolean, deletion?: 'begun' | 'done' | undefined }> {
    const row = await writeRow(user, origin)
    const created = row?.revision === 1
    if (row !== undefined && !created) return { created }
    const deletion = await deletionOf(user.identity_id)
    if (!created || deletion === undefined) return { created, deletion: deletion === 'done' ? deletion : undefined }
    await deleteRow(user.identity_id)
    return { created: false, deletion }
  }

  async function upsert (user: UserRecord, origin?: EventOrigin): Promise<{ created: boolean }> {
    const { created } = await store(normalise(user), origin)
    return { created }
  }

  async function ensure (user: UserRecord, origin?: EventOrigin): Promise<{ created: boolean }> {
    const values = normalise(user)
    const known = await find(values.identity_id) // without the write lock (K09)
    if (known !== undefined && known.updated_at >= values.updated_at) return { created: false }
    const { created, deletion } = await store(values, origin)
    if (deletion === 'done') throw new AccountDeletedError('This account was deleted')
    // Nobody knows yet whether the account is gone: that its session is over is not for us to say.
    if (deletion === 'begun') throw new StoreUnavailableError('The account is being deleted')
    return { created }
  }

  function find (identityId: string): Promise<UserRecord | undefined> {
    return read(() =>
      db.selectFrom('users').select(USER_COLUMNS)
        .where('identity_id', '=', identityId.toLowerCase()).executeTakeFirst(),
    )
  }

  async function deleteUser (identityId: string): Promise<boolean> {
    const id = identityId.toLowerCase()
    await deleteDocuments(db, write, id)
    return await deleteRow(id)
  }

  /** The documents that are left go with it. */
  async function deleteRow (id: string): Promise<boolean> {
    return await write(() =>
      db.transaction().execute(async (transaction) => {
        const result = await transaction.deleteFrom('users').where('identity_id', '=', id).executeTakeFirst()
        const isDeleted = result.numDeletedRows > 0n
        if (isDeleted) await events?.write(transaction, [{ type: 'user.deleted', identityId: id }])
        return isDeleted
      }),
    )
  }

  return { upsert, ensure, find, delete: deleteUser }
}

/** Names every column, so that a caller's further properties never reach a statement. */
function normalise (user: UserRecord): UserRecord {
  return checkRow({
    identity_id: toCanonicalUuid(user.identity_id),
    email: user.email,
    first_name: user.first_name,
    last_name: user.last_name,
    username: user.username,
    created_at: normaliseTimestamp(user.created_at),
    updated_at: normaliseTimestamp(user.updated_at),
  })
}
