import type { Kysely } from 'kysely'
import type { RetryPolicy } from './retry-policy.js'
import { USER_COLUMNS, type StoreSchema, type UserRecord } from './schema.js'
import { normaliseTimestamp } from './timestamps.js'
import { checkRow, toCanonicalUuid } from './values.js'

/** SQLite statements cannot be interrupted, so a large account goes in pieces (K07). */
const DELETE_BATCH = 500

/** All calls reject with StoreUnavailableError while the database cannot be used. */
export interface UserRepository {
  /**
   * News about an identity: inserts it, or overwrites everything but `created_at` if `updated_at` is newer than what is
   * stored. Repeated and late news change nothing (F08 to F10). The nil UUID is for the caller to refuse.
   * @throws InvalidValueError for an id that is no UUID, a time that is not RFC 3339, text with NUL
   */
  upsert(user: UserRecord): Promise<{ created: boolean }>
  /** The row for an identity whose news never came (F12): inserts it if it is missing, never overwrites. */
  ensure(user: UserRecord): Promise<{ created: boolean }>
  find(identityId: string): Promise<UserRecord | undefined>
  /** Deletes the user's documents, then the user; whether there was one. Cut short, it can be repeated. */
  delete(identityId: string): Promise<boolean>
}

export function createUserRepository (db: Kysely<StoreSchema>, { read, write }: RetryPolicy): UserRepository {
  async function upsert (user: UserRecord): Promise<{ created: boolean }> {
    const values = { ...normalise(user), revision: 1 }
    const row = await write(() =>
      db.insertInto('users').values(values)
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
        .returning('revision').executeTakeFirst(),
    )
    return { created: row?.revision === 1 }
  }

  async function ensure (user: UserRecord): Promise<{ created: boolean }> {
    const values = { ...normalise(user), revision: 1 }
    if (await find(values.identity_id) !== undefined) return { created: false } // without the write lock (K09)
    const row = await write(() =>
      db.insertInto('users').values(values)
        .onConflict((conflict) => conflict.column('identity_id').doNothing())
        .returning('identity_id').executeTakeFirst(),
    )
    return { created: row !== undefined }
  }

  function find (identityId: string): Promise<UserRecord | undefined> {
    return read(() =>
      db.selectFrom('users').select(USER_COLUMNS)
        .where('identity_id', '=', identityId.toLowerCase()).executeTakeFirst(),
    )
  }

  async function deleteUser (identityId: string): Promise<boolean> {
    const id = identityId.toLowerCase()
    while (await deleteSomeDocuments(id) === DELETE_BATCH);
    const result = await write(() => db.deleteFrom('users').where('identity_id', '=', id).executeTakeFirst())
    return result.numDeletedRows > 0n
  }

  async function deleteSomeDocuments (ownerId: string): Promise<number> {
    const some = db.selectFrom('documents').select('id').where('owner_id', '=', ownerId).limit(DELETE_BATCH)
    const result = await write(() => db.deleteFrom('documents').where('id', 'in', some).executeTakeFirst())
    return Number(result.numDeletedRows)
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
