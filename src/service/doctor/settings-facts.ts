import { authSettings, type Config, SECRETS, trustedProxies, webhookKeys } from '../../config.js'
import type { EnvironmentFacts } from '../../doctor/environment-checks.js'
import type { NamedSetting, SettingsFacts } from '../../doctor/facts.js'
import { unknownVariables } from './unknown-variables.js'

const VARIABLES: Record<NamedSetting, keyof Config> = {
  publicUrl: 'KRATOS_PUBLIC_URL',
  adminUrl: 'KRATOS_ADMIN_URL',
  browserUrl: 'KRATOS_BROWSER_URL',
  baseUrl: 'PUBLIC_URL',
  frontendUrl: 'FRONTEND_URL',
  origins: 'CORS_ORIGINS',
  returnUrls: 'RETURN_URLS',
  cookieName: 'SESSION_COOKIE_NAME',
  sessionCacheMaxAge: 'SESSION_CACHE_MAX_AGE',
  webhookKeys: 'WEBHOOK_KEY',
  'traits.email': 'TRAIT_EMAIL',
  'traits.firstName': 'TRAIT_FIRST_NAME',
  'traits.lastName': 'TRAIT_LAST_NAME',
  'traits.username': 'TRAIT_USERNAME',
}

/** The service's configuration as the doctor looks at it. */
export function settingsFacts (config: Config): SettingsFacts {
  return {
    ...authSettings(config),
    webhookKeys: webhookKeys(config),
    hasProxy: config.KRATOS_PROXY,
    ports: { open: config.PORT, internal: config.INTERNAL_PORT },
    nameOf: (setting) => VARIABLES[setting],
  }
}

export function environmentFacts (config: Config, env: Record<string, string | undefined>): EnvironmentFacts {
  return {
    settings: settingsFacts(config),
    trustedProxies: trustedProxies(config),
    unknownVariables: unknownVariables(env),
    secrets: Object.fromEntries(SECRETS.map((name) => [name, env[name]])),
  }
}
