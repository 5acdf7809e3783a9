import { ignored } from '../rules.js'

/** Kratos takes any further setting in these places and reads none of them. */
export const unread = ignored('Kratos v26.2.0 does not read it either')

export const ORGANIZATIONS = 'organizations'
