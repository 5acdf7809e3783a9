import type { Method } from '../method.js'
import { login } from './login.js'

/** `login.style: identifier_first`: the identifier first, then the credential. */
export const identifierFirst: Method = { id: 'identifier_first', group: 'identifier_first', login }
