import type { Method } from '../method.js'
import { registration } from './registration.js'

/** The traits: first page of a registration in two steps. */
export const profile: Method = { id: 'profile', group: 'profile', registration }
