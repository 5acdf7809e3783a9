import type { Credential, Identity, RecoveryAddress, VerifiableAddress } from '../identity/identity.js'
import { storedAddress, storedIdentifier } from '../identity/normalization.js'
import { misconfigured } from '../http/errors.js'
import { newId, NIL_UUID } from '../random.js'
import { isUniqueViolation, number, optionalText, text, type Row, type Sql } from './database.js'

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
  byExternalId(externalId: string): Identity | undefined
  /** Ids in order, after `after`. */
  ids(options: { after?: string, offset?: number, limit: number }): string[]
  /** Identities with a credential of this identifier or prefix. Only identifiers of social login are case-sensitive. */
  idsWithIdentifier(identifier: string, isPrefix: boolean): string[]
  /** Ids of the identities of an organization. */
  idsOfOrganization(organizationId: string): string[]
  count(): number
}

const EMPTY_IDENTIFIER = 'Unable to create identity credentials with missing or empty identifier.'

const ADDRESS_TABLES = { verifiable: 'verifiable_addresses', recovery: 'recovery_addresses' }

export function identityStore (sql: Sql): IdentityStore {
  const get = (id: string): Identity | undefined => {
    const row = sql.get('SELECT * FROM identities WHERE id = ?', id)
    return row === undefined ? undefined : fromRows(sql, row)
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
        insert(sql, identity)
      }),
    update: (identity, now) =>
      guarded(sql, () => {
        identity.updatedAt = now
        replace(sql, identity)
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

function insert (sql: Sql, identity: Identity): void {
  sql.run(
    'INSERT INTO identities VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    identity.id,
    identity.schemaId,
    identity.externalId,
    identity.state,
    identity.stateChangedAt,
    JSON.stringify(identity.traits),
    JSON.stringify(identity.metadataPublic),
    JSON.stringify(identity.metadataAdmin),
    identity.createdAt,
    identity.updatedAt,
  )
  insertParts(sql, identity)
}

function replace (sql: Sql, identity: Identity): void {
  sql.run(
    `UPDATE identities SET schema_id = ?, external_id = ?, state = ?, state_changed_at = ?, traits = ?,
      metadata_public = ?, metadata_admin = ?, updated_at = ? WHERE id = ?`,
    identity.schemaId,
    identity.externalId,
    identity.state,
    identity.lost === undefined ? identity.stateChangedAt : 0,
    JSON.stringify(identity.traits),
    JSON.stringify(identity.metadataPublic),
    JSON.stringify(identity.metadataAdmin),
    identity.updatedAt,
    identity.id,
  )
  for (const table of ['organizations', 'credentials', 'identifiers', 'verifiable_addresses', 'recovery_addresses']) {
    sql.run(`DELETE FROM ${table} WHERE identity_id = ?`, identity.id)
  }
  insertParts(sql, identity)
}

function insertParts (sql: Sql, identity: Identity): void {
  const { id, credentials, verifiableAddresses, recoveryAddresses, updatedAt: now } = identity
  for (const address of [...verifiableAddresses, ...recoveryAddresses]) {
    address.value = storedAddress(address.value)
    if (address.id === NIL_UUID) Object.assign(address, { id: newId(), createdAt: now, updatedAt: now })
  }
  if (identity.organizationId !== undefined) {
    sql.run('INSERT INTO organizations VALUES (?, ?)', id, identity.organizationId)
  }
  for (const { type, config, version, createdAt, updatedAt, identifiers } of Object.values(credentials)) {
    sql.run(
      'INSERT INTO credentials VALUES (?, ?, ?, ?, ?, ?)',
      id,
      type,
      JSON.stringify(config),
      version,
      createdAt,
      updatedAt,
    )
    for (const [position, identifier] of identifiers.entries()) {
      const stored = storedIdentifier(type, identifier)
      if (stored === '') throw misconfigured(EMPTY_IDENTIFIER)
      sql.run('INSERT INTO identifiers VALUES (?, ?, ?, ?)', type, stored, id, position)
    }
  }
  for (const address of verifiableAddresses) {
    sql.run(
      'INSERT INTO verifiable_addresses VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
      address.id,
      id,
      address.value,
      address.via,
      address.verified,
      address.status,
      address.verifiedAt,
      address.createdAt,
      address.updatedAt,
    )
  }
  for (const address of recoveryAddresses) {
    sql.run(
      'INSERT INTO recovery_addresses VALUES (?, ?, ?, ?, ?, ?)',
      address.id,
      id,
      address.value,
      address.via,
      address.createdAt,
      address.updatedAt,
    )
  }
}

function fromRows (sql: Sql, row: Row): Identity {
  const id = text(row, 'id')
  const externalId = optionalText(row, 'external_id')
  const organization = sql.get('SELECT organization_id FROM organizations WHERE identity_id = ?', id)
  return {
    id,
    schemaId: text(row, 'schema_id'),
    ...(externalId === undefined ? {} : { externalId }),
    ...(organization === undefined ? {} : { organizationId: text(organization, 'organization_id') }),
    state: text(row, 'state') === 'inactive' ? 'inactive' : 'active',
    stateChangedAt: number(row, 'state_changed_at'),
    traits: JSON.parse(text(row, 'traits')),
    credentials: credentialsOf(sql, id),
    verifiableAddresses: sql
      .all('SELECT * FROM verifiable_addresses WHERE identity_id = ? ORDER BY id', id)
      .map(verifiableAddress),
    recoveryAddresses: sql
      .all('SELECT * FROM recovery_addresses WHERE identity_id = ? ORDER BY id', id)
      .map(recoveryAddress),
    metadataPublic: JSON.parse(text(row, 'metadata_public')),
    metadataAdmin: JSON.parse(text(row, 'metadata_admin')),
    createdAt: number(row, 'created_at'),
    updatedAt: number(row, 'updated_at'),
  }
}

function credentialsOf (sql: Sql, id: string): Record<string, Credential> {
  const identifiers = sql.all('SELECT type, identifier FROM identifiers WHERE identity_id = ? ORDER BY identifier', id)
  return Object.fromEntries(
    sql.all('SELECT * FROM credentials WHERE identity_id = ?', id).map((row) => {
      const type = text(row, 'type')
      return [type, {
        type,
        identifiers: identifiers.filter((item) => item['type'] === type).map((item) => text(item, 'identifier')),
        config: JSON.parse(text(row, 'config')),
        version: number(row, 'version'),
        createdAt: number(row, 'created_at'),
        updatedAt: number(row, 'updated_at'),
      }]
    }),
  )
}

const verifiableAddress = (row: Row): VerifiableAddress => ({
  id: text(row, 'id'),
  value: text(row, 'value'),
  via: text(row, 'via'),
  verified: row['verified'] === 1,
  status: text(row, 'status') as VerifiableAddress['status'],
  ...(row['verified_at'] === null ? {} : { verifiedAt: number(row, 'verified_at') }),
  createdAt: number(row, 'created_at'),
  updatedAt: number(row, 'updated_at'),
})

const recoveryAddress = (row: Row): RecoveryAddress => ({
  id: text(row, 'id'),
  value: text(row, 'value'),
  via: text(row, 'via'),
  createdAt: number(row, 'created_at'),
  updatedAt: number(row, 'updated_at'),
})
