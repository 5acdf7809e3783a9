/** Plain JSON values from bodies, the configuration and the database. */
export type Json = string | number | boolean | null | Json[] | JsonObject
export interface JsonObject {
  [key: string]: Json
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The value at a dotted path, or undefined. */
export function valueAt (value: Json | undefined, path: string): Json | undefined {
  return path.split('.').reduce<Json | undefined>((at, key) => {
    if (Array.isArray(at)) return at[Number(key)]
    return isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined
  }, value)
}

/** Sets a value at a dotted path and creates missing objects. Ignores paths that would change a prototype. */
export function setAt (target: JsonObject, path: string, value: Json): void {
  const keys = path.split('.')
  if (keys.some((key) => key === '__proto__' || key === 'constructor' || key === 'prototype')) return
  const last = keys.pop() ?? ''
  const parent = keys.reduce<JsonObject>((at, key) => {
    const next = at[key]
    if (isObject(next)) return next
    const made: JsonObject = {}
    at[key] = made
    return made
  }, target)
  parent[last] = value
}

/** All leaves with their dotted paths; array items by index. Empty objects and arrays have no leaves. */
export function leaves (value: Json, prefix = ''): Array<[string, Json]> {
  if (value === null || typeof value !== 'object') return [[prefix, value]]
  const entries = Array.isArray(value)
    ? value.map((item, index): [string, Json] => [String(index), item])
    : Object.entries(value)
  return entries.flatMap(([key, item]) => leaves(item, prefix === '' ? key : `${prefix}.${key}`))
}

/** Merges objects; arrays and other values of `over` replace those of `base`. */
export function mergeJson (base: JsonObject, over: JsonObject): JsonObject {
  const merged: JsonObject = { ...base }
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined || key === '__proto__') continue
    const old = merged[key]
    merged[key] = isObject(old) && isObject(value) ? mergeJson(old, value) : value
  }
  return merged
}

export const asObject = (value: unknown): JsonObject => isObject(value) ? value : {}
