import type { Method } from '../method.js'
import { recovery } from './recovery.js'
import { verification } from './verification.js'

export const code: Method = { id: 'code', group: 'code', recovery, verification }
