import { loadBaseConfig } from './load.js'
import type { Scenario } from './scenarios.js'
import { base64Url } from './scenario-parts.js'
import { isJsonObject, type Json, type JsonObject } from './types.js'

export interface LiveConfig {
  /** a whole configuration; its schema is a `base64://` address */
  config: JsonObject
  dev: boolean
}

export interface HostMap {
  toLive: (text: string) => string
  toRecorded: (text: string) => string
}

/** Recorded addresses of servers and the live ones, which listen on any free port. */
export function hostMap (hookTarget: string, issuer: string | undefined): HostMap {
  const peers = [['127.0.0.1:18300', hookTarget], ['127.0.0.1:18455', issuer ?? '127.0.0.1:18455']]
    .flatMap((pair) => [pair, pair.map((address) => encodeURIComponent(address))])
  const replace = (text: string, from: number): string =>
    peers.reduce(
      (result, pair) =>
        result.replaceAll(new RegExp(`${(pair[from] ?? '').replaceAll('.', '\\.')}(?!\\d)`, 'g'), pair[1 - from] ?? ''),
      text,
    )
  return { toLive: (text) => replace(text, 0), toRecorded: (text) => replace(text, 1) }
}

/** The base configuration with the scenario's changes, as the recorded server read it. */
export function configOf (scenario: Scenario, hosts: HostMap): LiveConfig {
  const base = loadBaseConfig()
  const schema = base64Url(JSON.stringify(scenario.schema ?? base.schema))
  const withSchema = merge(base.config, { identity: { schemas: [{ id: 'default', url: schema }] } })
  const merged = merge(withSchema, scenario.config ?? {})
  return { config: JSON.parse(hosts.toLive(JSON.stringify(merged))) as JsonObject, dev: scenario.dev ?? true }
}

function merge (base: JsonObject, changes: JsonObject): JsonObject {
  const entries = Object.entries(changes).map(([member, value]): [string, Json] => {
    const own = base[member]
    return [member, isJsonObject(own) && isJsonObject(value) ? merge(own, value) : value]
  })
  return { ...base, ...Object.fromEntries(entries) }
}
