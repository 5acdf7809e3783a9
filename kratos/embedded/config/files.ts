import { readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { parse as parseToml } from 'smol-toml'
import { parse as parseYaml } from 'yaml'
import { isObject, type JsonObject } from '../json.js'

/** Merge keys (`<<: *anchor`) work as in Kratos. */
const yaml = (text: string): unknown => parseYaml(text, { merge: true })

const FORMATS: Record<string, { name: string, parse: (text: string) => unknown }> = {
  '.yml': { name: 'YAML', parse: yaml },
  '.yaml': { name: 'YAML', parse: yaml },
  '.json': { name: 'JSON', parse: (text) => JSON.parse(text) },
  '.toml': { name: 'TOML', parse: (text) => structuredClone(parseToml(text)) },
}

/**
 * Reads a configuration file. Its name says its format, as in Kratos.
 * @param known its text, where that is not on disk @throws Error that names the file
 */
export function readFile (path: string, known?: string): JsonObject {
  const format = FORMATS[extname(path)]
  if (format === undefined) {
    throw new TypeError(`${path} cannot be used: its name must end with ${Object.keys(FORMATS).join(', ')}`)
  }
  const text = known ?? readFileSync(path, 'utf8')
  let content: unknown
  try {
    content = format.parse(text)
  } catch (error) {
    const [line = ''] = error instanceof Error ? error.message.split('\n') : []
    throw new Error(`${path} cannot be read as ${format.name}: ${line.replace(/:$/, '')}`, { cause: error })
  }
  if (!isObject(content)) throw new TypeError(`${path} cannot be used: it holds no settings`)
  return content
}
