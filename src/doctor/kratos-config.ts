import { readFile } from 'node:fs/promises'
import { isRecord, type JsonObject } from '../kratos-client/kratos-body.js'

/** Member of a configuration by its path; undefined where it has none. */
export const valueAt = (config: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((at, name) => isRecord(at) ? at[name] : undefined, config)

export const textAt = (config: unknown, path: string): string | undefined => {
  const value = valueAt(config, path)
  return typeof value === 'string' ? value : undefined
}

export const listAt = (config: unknown, path: string): unknown[] => {
  const value = valueAt(config, path)
  return Array.isArray(value) ? value : []
}

/** As Kratos merges several files: maps member by member, lists and the rest whole. */
function merged (one: unknown, other: unknown): unknown {
  if (!isRecord(one) || !isRecord(other)) return other
  const names = new Set([...Object.keys(one), ...Object.keys(other)])
  const valueOf = (name: string): unknown => name in other ? merged(one[name], other[name]) : one[name]
  return Object.fromEntries([...names].map((name) => [name, valueOf(name)]))
}

/**
 * A configuration of Kratos from its files; later ones are laid over earlier ones. What comes to Kratos by its
 * environment is not in them.
 * @param parseYaml reads YAML, which JSON is too
 * @param hint what else to say about a file that cannot be read
 * @throws Error that names the file, and nothing of what is in it
 */
export async function readKratosConfig (
  files: string[],
  parseYaml: (text: string) => unknown,
  hint = '',
): Promise<JsonObject> {
  let config: unknown = {}
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => undefined)
    if (text === undefined) throw new Error(`${file} cannot be read`)
    let part: unknown
    try {
      part = parseYaml(text)
    } catch {
      throw new Error(`${file} is neither YAML nor JSON${hint}`)
    }
    config = merged(config, part)
  }
  return isRecord(config) ? config : {}
}
