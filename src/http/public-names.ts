import type { FastifyInstance } from 'fastify'

/** Every name that the plugin takes; what else it needs it keeps under symbols. */
const PLACES = {
  kratos: 'app',
  sessions: 'app',
  authenticate: 'app',
  authenticateOptional: 'app',
  auth: 'request',
  kratosSession: 'request',
  identityId: 'request',
  onSessionEnd: 'request',
} as const

export type PublicName = keyof typeof PLACES
export type PublicNames = Record<PublicName, string>
export const PUBLIC_NAMES = Object.keys(PLACES) as PublicName[]

export const placeOf = (name: PublicName): 'app' | 'request' => PLACES[name]

export const publicNames = (given: Partial<PublicNames> = {}): PublicNames =>
  Object.fromEntries(PUBLIC_NAMES.map((name) => [name, given[name] ?? name])) as PublicNames

/** @throws TypeError naming everything of the app that has one of our names, and the option that helps */
export function refuseClash (app: FastifyInstance, names: PublicNames): void {
  const taken = PUBLIC_NAMES.filter((name) =>
    PLACES[name] === 'app' ? app.hasDecorator(names[name]) : app.hasRequestDecorator(names[name]),
  )
  const lines = taken.map((name) =>
    `this app has ${PLACES[name]}.${names[name]} already: give ours another name with the option decorators.${name}`,
  )
  const used = PUBLIC_NAMES.map((name) => `${PLACES[name]}.${names[name]}`)
  const twice = used.filter((name, index) => used.indexOf(name) !== index)
  lines.push(...twice.map((name) => `decorators uses ${name} twice`))
  if (lines.length > 0) throw new TypeError(`fastify-kratos: ${lines.join('; ')}`)
}

/** An app may have chosen the name; the types know the usual one. */
export function decorateByName (app: FastifyInstance, name: string, value: unknown): void {
  ;(app.decorate as (name: string, value: unknown) => unknown).call(app, name, value)
}
