import type { Json, JsonObject } from '../json.js'

/**
 * The settings of a kratos.yml that the embedded server uses, under the same names. `defaults.ts` fills in missing
 * ones.
 */
export interface Config {
  /** Kratos' --dev, if the file has it. */
  dev?: boolean
  serve: { public: { base_url: string, port: number, cors: CorsConfig }, admin: { base_url: string, port: number } }
  selfservice: {
    default_browser_return_url: string
    allowed_return_urls: string[]
    methods: Record<string, MethodConfig>
    flows: {
      error: { ui_url: string }
      logout: { after: { default_browser_return_url?: string } }
      registration: FlowConfig & {
        enabled: boolean
        style: 'profile_first' | 'unified'
        enable_legacy_one_step: boolean
        login_hints: boolean
      }
      login: FlowConfig & { style: 'unified' | 'identifier_first' }
      settings: FlowConfig & { privileged_session_max_age: string, required_aal: string }
      recovery: FlowConfig & { enabled: boolean, use: string, notify_unknown_recipients: boolean }
      verification: FlowConfig & { enabled: boolean, use: string, notify_unknown_recipients: boolean }
    }
  }
  session: {
    lifespan: string
    earliest_possible_extend?: string
    whoami: { required_aal: string, tokenizer?: { templates?: JsonObject } }
    cookie: { name: string, domain?: string, path?: string, same_site?: string, secure?: string, persistent: boolean }
  }
  cookies: { domain?: string, path: string, same_site: string, secure?: string }
  secrets: { cookie: string[], cipher: string[] }
  hashers: { algorithm: string, bcrypt: { cost: number } }
  identity: { default_schema_id: string, schemas: Array<{ id: string, url: string, selfservice_selectable?: boolean }> }
  feature_flags: Record<string, Json>
  security: { account_enumeration: { mitigate: boolean } }
  clients: { web_hook: { header_allowlist: string[] } }
  courier: CourierConfig
  oauth2_provider: { url?: string, headers?: Record<string, string>, override_return_to?: boolean }
}

export interface SmtpConfig {
  connection_uri?: string
  from_address: string
  from_name?: string
  local_name?: string
  client_cert_path?: string
  client_key_path?: string
  headers?: Record<string, string>
}

export interface CourierConfig {
  delivery_strategy: 'smtp' | 'http'
  message_retries: number
  worker: { pull_wait: string }
  smtp: SmtpConfig
  http?: { request_config: JsonObject }
  channels: Array<{ id: string, request_config: JsonObject }>
  template_override_path?: string
  templates?: JsonObject
}

export interface CorsConfig {
  enabled: boolean
  allowed_origins: string[]
  allowed_methods: string[]
  allowed_headers: string[]
  exposed_headers: string[]
  allow_credentials: boolean
  options_passthrough: boolean
  /** Seconds; 0 is not sent. */
  max_age: number
}

export interface MethodConfig {
  enabled: boolean
  config: JsonObject
  [key: string]: Json
}

export interface FlowConfig {
  ui_url: string
  lifespan: string
  before: { hooks: HookConfig[] }
  after: AfterConfig
}

/** `after.hooks` is for all methods that have no list of their own. Kratos does not merge the lists. */
export interface AfterConfig {
  hooks?: HookConfig[]
  default_browser_return_url?: string
  [method: string]: Json | HookConfig[] | undefined
}

export interface HookConfig {
  hook: string
  config?: JsonObject
}

/** A configuration and what is not written in it. */
export interface LoadedConfig {
  values: Config
  /** Base folder of relative file:// addresses. */
  folder: string
  /** Kratos' --dev: without it every cookie is Secure (recordings 23, 24). */
  dev: boolean
}
