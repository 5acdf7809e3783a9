import type { Method } from '../method.js'
import { hasPassword, login } from './login.js'
import { registration } from './registration.js'
import { settings } from './settings.js'

export const password: Method = {
  id: 'password',
  group: 'password',
  registration,
  login,
  settings,
  factor: { aal: 'aal1', isUsable: hasPassword }
}
