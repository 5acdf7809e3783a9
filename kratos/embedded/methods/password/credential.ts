import type { Credential } from '../../identity/identity.js'

/** Whether a password was really set: an identifier in the schema creates an empty credential too. */
export const hasPassword = (credential: Credential | undefined): boolean =>
  typeof credential?.config['hashed_password'] === 'string' && credential.config['hashed_password'] !== ''
