import type { Method } from '../method.js'
import { login } from './login.js'
import { registration } from './registration.js'
import { settings } from './settings.js'

/** Security keys: a first factor with `passwordless`, otherwise a second one. */
export const webauthn: Method = { id: 'webauthn', group: 'webauthn', registration, login, settings }
