import type { Method } from '../method.js'
import { login } from './login.js'
import { registration } from './registration.js'
import { settings } from './settings.js'

export const password: Method = { id: 'password', group: 'password', registration, login, settings }
