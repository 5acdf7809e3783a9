import { isObject, type Json, type JsonObject } from '../json.js'

const isCall = (value: Json): boolean => isObject(value) && value['hook'] === 'web_hook'

/**
 * The packaged example without whatever would leave the process: its web hooks and its mail server are those of the
 * development service. Nobody asked for them who starts a server without a configuration.
 */
export function withoutCalls (config: JsonObject): JsonObject {
  const { courier: _courier, ...others } = config
  return withoutHooks(others) as JsonObject
}

function withoutHooks (value: Json): Json {
  if (Array.isArray(value)) return value.filter((item) => !isCall(item)).map(withoutHooks)
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withoutHooks(item)]))
}
