import { isObject, type Json } from '../../json.js'
import { address, group, httpUrl, oneOf, read, text, type Rule } from '../rules.js'

const AUTH_NEEDS: Record<string, string[]> = { api_key: ['name', 'value', 'in'], basic_auth: ['user', 'password'] }

/** Each kind of authentication has its own settings, and no others. */
function authProblem (auth: Json): string | undefined {
  const { type, config } = isObject(auth) ? auth : {}
  const needed = AUTH_NEEDS[String(type)] ?? []
  const given = isObject(config) ? Object.keys(config) : []
  const missing = needed.filter((name) => !given.includes(name))
  if (missing.length > 0) return `needs config.${missing.join(' and config.')}`
  const stranger = given.find((name) => needed.length > 0 && !needed.includes(name))
  return stranger === undefined ? undefined : `has config.${stranger}, which ${String(type)} does not know`
}

/** How Kratos authenticates at the receiver of a request. */
export const authentication = (place: string): Record<string, Rule> => ({
  [`${place}.auth`]: group(['type', 'config'], authProblem),
  [`${place}.auth.type`]: read(oneOf('api_key', 'basic_auth')),
  [`${place}.auth.config.{name,value,user,password}`]: read(text),
  [`${place}.auth.config.in`]: read(oneOf('header', 'cookie')),
})

/** A request that delivers messages. */
export const request = (place: string): Record<string, Rule> => ({
  [`${place}.url`]: read(httpUrl),
  [`${place}.method`]: read(text),
  [`${place}.headers.*`]: read(text),
  [`${place}.body`]: read(address),
  ...authentication(place),
})
