import type { Method } from '../method.js'
import { login } from './login.js'
import { recovery } from './recovery.js'
import { registration } from './registration.js'
import { verification } from './verification.js'

/**
 * Six digits in a message: for recovery, verification and, if configured, registration and login or a second factor.
 */
export const code: Method = { id: 'code', group: 'code', registration, login, recovery, verification }
