import { PLAYED } from '../../config/keys/providers.js'
import type { Config } from '../../config/types.js'
import { isObject, type JsonObject } from '../../json.js'
import type { OidcProvider } from '../../testing/oidc-provider.js'

function entries (config: Config): JsonObject[] {
  const { providers } = config.selfservice.methods['oidc']?.config ?? {}
  return Array.isArray(providers) ? providers.filter(isObject) : []
}

/** Providers that Kratos knows by name and that have no issuer in the configuration. */
export const playedProviders = (config: Config): JsonObject[] =>
  config.selfservice.methods['oidc']?.enabled === true
    ? entries(config).filter(
      ({ provider, issuer_url: issuer }) => PLAYED.includes(String(provider)) && (issuer ?? '') === '',
    )
    : []

/** The built-in provider has one client and no secrets of others. */
export function playProvider (entry: JsonObject, { config }: OidcProvider): void {
  const { client_id: id = '', client_secret: secret = '', issuer_url: issuer = '' } = config
  Object.assign(entry, { client_id: id, client_secret: secret, issuer_url: issuer })
}

/** Adds the built-in provider itself to the configuration. */
export function addProvider (config: Config, { config: entry }: OidcProvider): void {
  const { config: settings = {} } = config.selfservice.methods['oidc'] ?? {}
  config.selfservice.methods['oidc'] = { enabled: true, config: { ...settings, providers: [...entries(config), entry] } }
}
