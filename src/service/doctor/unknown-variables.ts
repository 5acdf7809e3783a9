import { closest, distance } from 'fastest-levenshtein'
import { ConfigSchema } from '../../config-schema.js'

const NAMES = Object.keys(ConfigSchema.properties)
/** Shorter ones, such as HOST, are everybody's. */
const SHORTEST_NAME = 8
/** Share of a name that may be wrong before it is somebody else's. */
const WRONG_SHARE = 0.25

/** What container platforms set for a service that happens to be called kratos. */
const OF_PLATFORMS = /_SERVICE_(?:HOST|PORT)(?:_\w+)?$|_PORT(?:_\d+_(?:TCP|UDP)(?:_\w+)?)?$/
/** First words that nobody else's variables have. */
const OWN_FAMILIES = [
  'KRATOS', 'LOGIN_LIMIT', 'WEBHOOK', 'METRICS', 'CORS', 'DATABASE', 'WHOAMI', 'DOCUMENTS', 'DOCUMENT', 'TRUST_PROXY', 'TRAIT',
  'EVENTS', 'SESSION_CACHE', 'RECONCILE', 'OPERATOR', 'BUS_DATABASE', 'ID_KEY', 'INTERNAL_PORT', 'RETURN_URLS', 'READY',
  'SHUTDOWN', 'MAX_IN_FLIGHT', 'MAX_EVENT_LOOP', 'START_CHECKS', 'LOG_HEALTH', 'LOG_SUCCESS', 'FRONTEND_URL',
]
/** What other programs call the same things. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  TRUSTED_PROXIES: 'TRUST_PROXY',
  COOKIE_NAME: 'SESSION_COOKIE_NAME',
  ALLOWED_ORIGINS: 'CORS_ORIGINS',
  ALLOWED_RETURN_URLS: 'RETURN_URLS',
}
/** Read by others beside us. */
const OF_OTHERS = /^(?:DATABASE_DSN|KRATOS_BINARY)$/

const words = (name: string): string => name.split('_').sort().join('_')

function looksLikeOurs (name: string): boolean {
  if (name.length < SHORTEST_NAME || NAMES.includes(name)) return false
  if (name in OTHER_NAMES) return true
  if (OF_PLATFORMS.test(name) || OF_OTHERS.test(name)) return false
  if (OWN_FAMILIES.some((family) => name.startsWith(`${family}_`))) return true
  return NAMES.some((known) => words(known) === words(name) || distance(known, name) <= name.length * WRONG_SHARE)
}

/** Variables that look like ours and are none: a setting that its operator believes to be set. */
export const unknownVariables = (env: Record<string, string | undefined>): Array<{ name: string, nearest: string }> =>
  Object.keys(env).filter((name) => env[name] !== '' && looksLikeOurs(name.toUpperCase()))
    .map((name) => ({ name, nearest: OTHER_NAMES[name.toUpperCase()] ?? closest(name.toUpperCase(), NAMES) }))
