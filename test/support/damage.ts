/** The value with one member, at any depth, replaced or left out: `path` says which by its numbers. */
export function damaged (value: unknown, path: number[], replacement: unknown): unknown {
  const [step, ...rest] = path
  if (step === undefined || typeof value !== 'object' || value === null) return replacement
  const keys = Object.keys(value)
  if (keys.length === 0) return replacement
  const key = keys[step % keys.length] ?? ''
  const child = damaged((value as Record<string, unknown>)[key], rest, replacement)
  const copy = Array.isArray(value) ? [...value] as unknown[] : { ...value }
  if (child === undefined) delete (copy as Record<string, unknown>)[key]
  else (copy as Record<string, unknown>)[key] = child
  return copy
}
