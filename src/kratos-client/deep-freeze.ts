export type DeepReadonly<T> = T extends (...args: never) => unknown ? T
  : T extends object ? { readonly [name in keyof T]: DeepReadonly<T[name]> }
    : T

/** Requests share parsed JSON: what one of them wrote another would read. */
export function deepFreeze<T> (value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const member of Object.values(value)) deepFreeze(member)
  return Object.freeze(value)
}
