import type { Method } from '../method.js'
import { registration } from './registration.js'
import { settings } from './settings.js'

/** The traits: first page of a two-step registration, and part of the settings. */
export const profile: Method = { id: 'profile', group: 'profile', registration, settings }
