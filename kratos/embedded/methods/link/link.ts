import type { Method } from '../method.js'
import { recovery } from './recovery.js'
import { verification } from './verification.js'

/** A link in a mail, for recovery and verification only. */
export const link: Method = { id: 'link', group: 'link', recovery, verification }
