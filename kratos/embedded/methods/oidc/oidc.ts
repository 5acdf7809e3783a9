import type { Method } from '../method.js'
import { login } from './login.js'
import { registration } from './registration.js'
import { settings } from './settings.js'

/** Sign-in with an account at another provider; the browser returns to `callback.ts`. */
export const oidc: Method = { id: 'oidc', group: 'oidc', registration, login, settings }
