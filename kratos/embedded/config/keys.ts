import { COURIER } from './keys/courier.js'
import { FLOWS } from './keys/flows.js'
import { METHODS } from './keys/methods.js'
import { SERVER } from './keys/server.js'
import { SESSIONS } from './keys/sessions.js'
import type { Rule } from './rules.js'

/**
 * Every setting of Kratos v26.2.0, the values it takes, and what happens to it. `{a,b}` means each name, `*` any name,
 * `[]` the items of a list. A setting without a row is refused as unknown, as Kratos does.
 */
export const KEYS: Record<string, Rule> = { ...SERVER, ...SESSIONS, ...FLOWS, ...METHODS, ...COURIER }
