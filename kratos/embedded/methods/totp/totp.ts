import type { Method } from '../method.js'
import { login } from './login.js'
import { settings } from './settings.js'

/** Codes of an authenticator app as second factor. */
export const totp: Method = { id: 'totp', group: 'totp', login, settings }
