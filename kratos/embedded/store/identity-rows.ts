import type { Credential, Identity, RecoveryAddress, VerifiableAddress } from '../identity/identity.js'
import { storedAddress, storedIdentifier } from '../identity/normalization.js'
import { misconfigured } from '../http/errors.js'
import { newId, NIL_UUID } from '../random.js'
import { number, optionalText, text, type Row, type Sql } from './database.js'

/** The rows of an identity: written and read as a whole. */

const EMPTY_IDENTIFIER = 'Unable to create identity credentials with missing or empty identifier.'

export function insertIdentity (sql: Sql, identity: Identity): void {
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

/** With all credentials and addresses. */
export function replaceIdentity (sql: Sql, identity: Identity): void {
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

export function identityOf (sql: Sql, row: Row): Identity {
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
