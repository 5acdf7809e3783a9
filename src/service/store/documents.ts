import { randomUUID } from 'node:crypto'
import type { CompiledQuery, Kysely } from 'kysely'
import { decodeCursor, encodeCursor } from './cursor.js'
import { InvalidValueError, MissingOwnerError, QuotaExceededError, StoreQueryError } from './errors.js'
import { pageOf } from './page.js'
import type { RetryPolicy } from './retry-policy.js'
import { DOCUMENT_COLUMNS, type DocumentRecord, type DocumentSummary, type StoreSchema, SUMMARY_COLUMNS } from './schema.js'
import { createClock } from './timestamps.js'
import { checkRow } from './values.js'

export const MAX_PAGE_SIZE = 100

export interface DocumentPage {
  documents: DocumentSummary[]
  /** Null on the last page. */
  nextCursor: string | null
}

export interface DocumentQuota {
  count: number
  /** Of title and content together, in UTF-8. */
  bytes: number
}

export interface DocumentPatch {
  title?: string | undefined
  content?: string | undefined
}

/**
 * Every call names the owner, and another owner's document is the same as a missing one (A36). All reject with
 * StoreUnavailableError while the database cannot be used, and with InvalidValueError for text with NUL.
 */
export interface DocumentRepository {
  /**
   * Newest first, without content; inserts do not move a page. @param page.limit 1 to 100, else InvalidValueError
   * @throws InvalidCursorError for a cursor that is forged or another owner's (A35)
   */
  list(ownerId: string, page: { limit: number, cursor?: string | undefined }): Promise<DocumentPage>
  /** @throws MissingOwnerError when the owner has no row, QuotaExceededError */
  create(ownerId: string, document: { title: string, content: string }): Promise<DocumentRecord>
  get(ownerId: string, id: string): Promise<DocumentRecord | undefined>
  /** An empty patch changes nothing, not even `updated_at`. @throws QuotaExceededError */
  update(ownerId: string, id: string, patch: DocumentPatch): Promise<DocumentRecord | undefined>
  /** Whether there was one. */
  remove(ownerId: string, id: string): Promise<boolean>
}

const bytesOf = ({ title, content }: { title: string, content: string }): number =>
  Buffer.byteLength(title) + Buffer.byteLength(content)

export function createDocumentRepository (
  db: Kysely<StoreSchema>,
  { read, write }: RetryPolicy,
  quota: DocumentQuota,
): DocumentRepository {
  const now = createClock()
  // Compiled once: that takes Kysely as long as SQLite needs to run it. Parameters come in the order of the text.
  const page = (after?: { created_at: string, id: string }) =>
    db.selectFrom('documents').select(SUMMARY_COLUMNS)
      .where('owner_id', '=', '')
      .$if(after !== undefined, (query) =>
        query.where((eb) =>
          eb(eb.refTuple('created_at', 'id'), '<', eb.tuple(after?.created_at ?? '', after?.id ?? '')),
        ))
      .orderBy('created_at', 'desc').orderBy('id', 'desc').limit(0).compile()
  const [firstPage, nextPage] = [page(), page({ created_at: '', id: '' })]

  async function list (ownerId: string, { limit, cursor }: { limit: number, cursor?: string | undefined }) {
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE_SIZE) { throw new InvalidValueError('The limit is not 1 to 100') }
    const owner = ownerId.toLowerCase()
    const after = cursor === undefined ? undefined : decodeCursor(owner, cursor)
    const query: CompiledQuery<DocumentSummary> = after === undefined
      ? { ...firstPage, parameters: [owner, limit + 1] }
      : { ...nextPage, parameters: [owner, after.created_at, after.id, limit + 1] }
    const { rows } = await read(() => db.executeQuery(query))
    const { shown: documents, last } = pageOf(rows, limit)
    return { documents, nextCursor: last === undefined ? null : encodeCursor(owner, last) }
  }

  async function create (ownerId: string, { title, content }: { title: string, content: string }) {
    const createdAt = now()
    const document = checkRow({ id: randomUUID(), title, content, created_at: createdAt, updated_at: createdAt })
    const owner = ownerId.toLowerCase()
    const row = { ...document, owner_id: owner, bytes: bytesOf(document) }
    try {
      await write(() => db.transaction().execute(async (transaction) => {
        await checkQuota(transaction, quota, owner, row.id, row.bytes)
        await transaction.insertInto('documents').values(row).execute()
      }))
    } catch (error) {
      throw isForeignKeyViolation(error) ? new MissingOwnerError('The owner of this document has no row') : error
    }
    return document
  }

  function get (ownerId: string, id: string) {
    return read(() =>
      db.selectFrom('documents').select(DOCUMENT_COLUMNS)
        .where('id', '=', id.toLowerCase()).where('owner_id', '=', ownerId.toLowerCase()).executeTakeFirst(),
    )
  }

  async function update (ownerId: string, id: string, { title, content }: DocumentPatch) {
    if (title === undefined && content === undefined) return get(ownerId, id)
    const [own, owner] = [id.toLowerCase(), ownerId.toLowerCase()]
    return write(() => db.transaction().execute(async (transaction) => {
      const former = await transaction.selectFrom('documents').select(['title', 'content'])
        .where('id', '=', own).where('owner_id', '=', owner).executeTakeFirst()
      if (former === undefined) return undefined
      const texts = { title: title ?? former.title, content: content ?? former.content }
      const bytes = bytesOf(texts)
      // Who is past a quota may still make a document smaller.
      if (bytes > bytesOf(former)) await checkQuota(transaction, quota, owner, own, bytes)
      return transaction.updateTable('documents')
        .set({ ...texts, bytes, updated_at: now() })
        .where('id', '=', own).where('owner_id', '=', owner)
        .returning(DOCUMENT_COLUMNS).executeTakeFirst()
    }))
  }

  async function remove (ownerId: string, id: string) {
    const result = await write(() =>
      db.deleteFrom('documents')
        .where('id', '=', id.toLowerCase()).where('owner_id', '=', ownerId.toLowerCase()).executeTakeFirst(),
    )
    return result.numDeletedRows > 0n
  }

  return { list, create, get, update, remove }
}

/** Within the transaction, the owner's row locked first: writers of one owner take turns. @throws QuotaExceededError */
async function checkQuota (
  transaction: Kysely<StoreSchema>,
  quota: DocumentQuota,
  owner: string,
  id: string,
  bytes: number,
): Promise<void> {
  await transaction.updateTable('users').set((eb) => ({ revision: eb.ref('revision') }))
    .where('identity_id', '=', owner).execute()
  const { count, sum } = await transaction.selectFrom('documents')
    .select((eb) => [eb.fn.countAll().as('count'), eb.fn.sum('bytes').as('sum')])
    .where('owner_id', '=', owner).where('id', '!=', id).executeTakeFirstOrThrow()
  if (Number(count) >= quota.count || Number(sum ?? 0) + bytes > quota.bytes) {
    throw new QuotaExceededError('The documents of this owner are too many or too large')
  }
}

function isForeignKeyViolation (error: unknown): boolean {
  return error instanceof StoreQueryError &&
    (error.driverCode === '23503' || error.driverCode === 'SQLITE_CONSTRAINT_FOREIGNKEY')
}
