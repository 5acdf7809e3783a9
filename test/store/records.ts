import { randomUUID } from 'node:crypto'
import type { UserRecord } from '../../src/service/store/store.js'

/** A complete user, in the form in which Kratos sends times. */
export function someUser (changes: Partial<UserRecord> = {}): UserRecord {
  return {
    identity_id: randomUUID(),
    email: 'user@example.com',
    first_name: 'John',
    last_name: 'Doe',
    username: 'johndoe',
    created_at: '2024-01-15T12:20:00Z',
    updated_at: '2024-01-15T12:20:00.5Z',
    ...changes,
  }
}
