import type { Method } from '../method.js'
import { recovery } from './recovery.js'
import { verification } from './verification.js'

/** A link in a mail: recovers and verifies, nothing else. */
export const link: Method = { id: 'link', group: 'link', recovery, verification }
