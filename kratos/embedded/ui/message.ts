import { ERROR_MESSAGES } from './error-messages.js'
import { INFO_MESSAGES } from './info-messages.js'

export type { UiMessage } from './message-kinds.js'

/**
 * All messages with Kratos' ids and texts, sorted by id. They are defined only here (docs/kratos-facts.md, section 19).
 */
export const MESSAGES = { ...INFO_MESSAGES, ...ERROR_MESSAGES }
