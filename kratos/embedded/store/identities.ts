import type { Identity, VerifiableAddress } from '../identity/identity.js'
import { storedAddress, storedIdentifier } from '../identity/normalization.js'
import { newId, NIL_UUID } from '../random.js'
import { isUniqueViolation, number, text, type Sql } from './database.js'
import { identityOf, insertIdentity, replaceIdentity } from './identity-rows.js'

/** An identifier, address or external id that another identity already has. */
export class DuplicateError extends Error {}

export interface IdentityStore {
  /** Stores a new identity with its credentials and addresses; sets id and times. @throws DuplicateError */
  create(identity: Identity, now: number): void
  /** Stores all of a known identity. @throws DuplicateError */
  update(identity: Identity, now: number): void
  /** Stores only the state of an address; the identity stays unchanged. */
  updateAddress(address: VerifiableAddress): void
  delete(id: string): boolean
  get(id: string): Identity | undefined
  byIdentifier(type: string, identifier: string): Identity | undefined
  /** The owner of security keys. @param userHandle in base64 */
  byUserHandle(userHandle: string): Identity | undefined
  /** The owner of a verifiable or recovery address. */
  byAddress(kind: 'verifiable' | 'recovery', via: string, value: string): Identity | undefined
  /** All recovery addresses of the identity that has one of this value. */
  recoveryAddressesBeside(value: string): string[]
  byExternalId(externalId: string): Identity | undefined
  /** Ids in order, after `after`. */
  ids(options: { after?: string, offset?: number, limit: number }): string[]
  /** Identities with a credential of this identifier or prefix. Only identifiers of social login are case-sensitive. */
  idsWithIdentifier(identifier: string, isPrefix: boolean): string[]
  /** Ids of the identities of an organization. */
  idsOfOrganization(organizationId: string): string[]
  count(): number
}

const ADDRESS_TABLES = { verifiable: 'verifiable_addresses', recovery: 'recovery_addresses' }

export function identityStore (sql: Sql): IdentityStore {
  const get = (id: string): Identity | undefined => {
    const row = sql.get('SELECT * FROM identities WHERE id = ?', id)
    return row === undefined ? undefined : identityOf(sql, row)
  }
  const owner = (query: string, ...values: string[]): Identity | undefined => {
    const row = sql.get(query, ...values)
    return row === undefined ? undefined : get(text(row, 'identity_id'))
  }
  return {
    create: (identity, now) =>
      guarded(sql, () => {
        if (identity.id === NIL_UUID) identity.id = newId()
        Object.assign(identity, { createdAt: now, updatedAt: now })
        insertIdentity(sql, identity)
      }),
    update: (identity, now) =>
      guarded(sql, () => {
        identity.updatedAt = now
        replaceIdentity(sql, identity)
      }),
    updateAddress: ({ id, verified, status, verifiedAt }) => {
      sql.run(
        'UPDATE verifiable_addresses SET verified = ?, status = ?, verified_at = ? WHERE id = ?',
        verified,
        status,
        verifiedAt,
        id,
      )
    },
    delete: (id) => sql.run('DELETE FROM identities WHERE id = ?', id).changes > 0,
    get,
    byIdentifier: (type, identifier) =>
      owner(
        'SELECT identity_id FROM identifiers WHERE type = ? AND identifier = ?',
        type,
        storedIdentifier(type, identifier),
      ),
    byUserHandle: (userHandle) =>
      owner(
        'SELECT identity_id FROM credentials WHERE type = \'webauthn\' AND json_extract(config, \'$.user_handle\') = ?',
        userHandle,
      ),
    byAddress: (kind, via, value) =>
      owner(`SELECT identity_id FROM ${ADDRESS_TABLES[kind]} WHERE via = ? AND value = ?`, via, storedAddress(value)),
    recoveryAddressesBeside: (value) =>
      sql
        .all(
          `SELECT one.value FROM recovery_addresses one JOIN recovery_addresses other
        ON one.identity_id = other.identity_id WHERE other.value = ? LIMIT 10`,
          storedAddress(value),
        )
        .map((row) => text(row, 'value')),
    byExternalId: (externalId) => owner('SELECT id AS identity_id FROM identities WHERE external_id = ?', externalId),
    ids: ({ after = '', offset = 0, limit }) =>
      sql
        .all('SELECT id FROM identities WHERE id > ? ORDER BY id LIMIT ? OFFSET ?', after, limit, offset)
        .map((row) => text(row, 'id')),
    idsWithIdentifier: (identifier, isPrefix) => {
      // What follows a prefix is not trimmed.
      const lower = isPrefix
        ? storedIdentifier('password', `${identifier}%`).slice(0, -1)
        : storedIdentifier('password', identifier)
      const matches = isPrefix ? 'substr(identifier, 1, length(?)) = ?' : 'identifier = ?'
      const values = isPrefix ? [lower, lower, identifier, identifier] : [lower, identifier]
      return sql
        .all(
          `SELECT DISTINCT identity_id FROM identifiers WHERE (type IN ('webauthn', 'password', 'code') AND ${matches})
        OR (type IN ('oidc', 'saml') AND ${matches}) ORDER BY identity_id`,
          ...values,
        )
        .map((row) => text(row, 'identity_id'))
    },
    idsOfOrganization: (organizationId) =>
      sql
        .all('SELECT identity_id FROM organizations WHERE organization_id = ? ORDER BY identity_id', organizationId)
        .map((row) => text(row, 'identity_id')),
    count: () => number(sql.get('SELECT count(*) AS n FROM identities') ?? {}, 'n'),
  }
}

function guarded (sql: Sql, work: () => void): void {
  try {
    sql.transaction(work)
  } catch (error) {
    throw isUniqueViolation(error) ? new DuplicateError('an identifier is taken', { cause: error }) : error
  }
}
