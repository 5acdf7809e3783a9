import type { Method } from '../method.js'
import { login } from './login.js'
import { settings } from './settings.js'

/** Backup codes as second factor; each works once. */
export const lookupSecret: Method = { id: 'lookup_secret', group: 'lookup_secret', login, settings }
