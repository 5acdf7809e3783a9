import { asObject, type JsonObject } from '../../json.js'

export interface HookSettings {
  url: string
  method: string
  /** Address of the Jsonnet template; empty sends no body. */
  template: string
  auth: { type: string, config: JsonObject } | undefined
  headers: JsonObject
  ignoreResponse: boolean
  parse: boolean
  canInterrupt: boolean
}

/** The `config` of a web_hook. */
export function hookSettings (config: JsonObject): HookSettings {
  const response = asObject(config['response'])
  const auth = asObject(config['auth'])
  return {
    url: String(config['url'] ?? ''),
    method: String(config['method'] ?? 'POST'),
    template: String(config['body'] ?? ''),
    auth: typeof auth['type'] === 'string' ? { type: auth['type'], config: asObject(auth['config']) } : undefined,
    headers: asObject(config['headers']),
    ignoreResponse: response['ignore'] === true,
    parse: response['parse'] === true,
    canInterrupt: config['can_interrupt'] === true
  }
}
