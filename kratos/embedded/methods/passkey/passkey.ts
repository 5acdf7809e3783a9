import type { Method } from '../method.js'
import { login } from './login.js'
import { registration } from './registration.js'
import { settings } from './settings.js'

/** Keys on the device of a person, which also say who it is. */
export const passkey: Method = { id: 'passkey', group: 'passkey', registration, login, settings }
