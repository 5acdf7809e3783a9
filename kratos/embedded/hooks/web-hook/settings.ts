import { misconfigured, plainError } from '../../http/errors.js'
import { asObject, isObject, type Json, type JsonObject } from '../../json.js'

export interface HookSettings {
  url: string
  method: string
  /** Address of the Jsonnet template. */
  template: string
  auth: HookAuth
  /** By canonical name; the default Content-Type is JSON. */
  headers: Record<string, string>
  ignoreResponse: boolean
  parse: boolean
  canInterrupt: boolean
  /** Whether requests carry Kratos' two ids. */
  hasIds: boolean
}

export type HookAuth =
  | { kind: 'none' }
  | { kind: 'basic', user: string, password: string }
  | { kind: 'header' | 'cookie', name: string, value: string }

/** The `config` of a web_hook. */
export function hookSettings (config: JsonObject): HookSettings {
  const response = asObject(config['response'])
  return {
    url: String(config['url'] ?? ''),
    method: String(config['method'] ?? 'POST'),
    template: String(config['body'] ?? ''),
    auth: hookAuth(config['auth']),
    headers: headersOf(asObject(config['headers'])),
    ignoreResponse: response['ignore'] === true,
    parse: response['parse'] === true,
    canInterrupt: config['can_interrupt'] === true,
    hasIds: config['emit_analytics_event'] !== false,
  }
}

/** Whether the answer matters. Such hooks run before the identity is stored (docs/kratos-facts.md, section 17). */
export const isDecisive = ({ canInterrupt, parse }: HookSettings): boolean => canInterrupt || parse

/** @throws ApiError for a hook whose answer is both ignored and used */
export function ensureConsistent (settings: HookSettings): void {
  if (!settings.ignoreResponse || !isDecisive(settings)) return
  throw misconfigured(
    'A webhook is configured to ignore the response but also to parse the response. This is not possible.',
  )
}

function headersOf (given: JsonObject): Record<string, string> {
  const canonical = (name: string): string =>
    name.toLowerCase().replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase())
  return {
    'Content-Type': 'application/json',
    ...Object.fromEntries(Object.entries(given).map(([name, value]) => [canonical(name), String(value)])),
  }
}

function hookAuth (given: Json | undefined): HookAuth {
  const { type, config } = isObject(given) ? given : {}
  const { name = '', value = '', user = '', password = '', in: place } = asObject(config)
  switch (type) {
    case undefined:
    case '':
      return { kind: 'none' }
    case 'basic_auth':
      return { kind: 'basic', user: String(user), password: String(password) }
    case 'api_key':
      return { kind: place === 'cookie' ? 'cookie' : 'header', name: String(name), value: String(value) }
    default:
      throw plainError(`unsupported auth type: ${String(type)}`)
  }
}
