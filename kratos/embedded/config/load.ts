import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parse } from 'yaml'
import { isObject, mergeJson, valueAt, type JsonObject } from '../json.js'
import { checkConfig } from './check.js'
import { DEFAULTS } from './defaults.js'
import type { Config } from './types.js'

const { serve: PORTS } = DEFAULTS as unknown as Config

/** The example configuration: one folder up from the sources, or beside `dist/`. */
function defaultPath (): string {
  const candidates = ['..', '../../../kratos'].map((folder) => join(import.meta.dirname, '..', folder, 'kratos.yml'))
  const found = candidates.find((path) => existsSync(path))
  if (found === undefined) throw new Error(`no kratos.yml at ${candidates.join(' or ')}`)
  return found
}

export interface ConfigSource {
  /** Path of a kratos.yml, or its content; default the packaged example. */
  config?: string | JsonObject | undefined
  /** Base folder of relative file:// addresses when `config` is an object. */
  folder?: string | undefined
  /** Merged into the configuration. */
  overrides?: JsonObject | undefined
  /** Whether an identity schema is given separately; then the configuration needs none. */
  hasSchema?: boolean
}

export interface ReadConfig {
  values: Config
  /** Base folder of relative file:// addresses: that of the file, or the given one. */
  folder: string
  /** Settings that are ignored because they change no answer, grouped by the reason. */
  ignored: Map<string, string[]>
}

/**
 * Reads a configuration and fills in Kratos' defaults.
 * @throws Error with the path of every setting that is unknown, invalid, or not built although it changes answers
 */
export function readConfig ({
  config = defaultPath(),
  overrides = {},
  folder = process.cwd(),
  hasSchema = false,
}: ConfigSource): ReadConfig {
  const written = mergeJson(typeof config === 'string' ? readYaml(config) : config, overrides)
  const schema = { identity: { schemas: [{ id: 'default', url: 'base64://' }] } }
  const { problems, ignored } = checkConfig(hasSchema ? mergeJson(written, schema) : written)
  if (problems.length > 0) {
    throw new Error(`${typeof config === 'string' ? config : 'the configuration'} cannot be used:${listed(problems)}`)
  }
  const values = mergeJson(mergeJson(DEFAULTS, derivedDefaults(written)), written)
  return {
    values: values as unknown as Config,
    folder: typeof config === 'string' ? dirname(resolve(config)) : folder,
    ignored,
  }
}

const listed = (lines: string[]): string =>
  lines.length === 1 ? ` ${lines.join()}` : lines.map((line) => `\n  ${line}`).join('')

/**
 * Defaults that depend on other settings: `secrets.default` is also used for cookies, and base URLs contain the port.
 */
const derivedDefaults = (written: JsonObject): JsonObject => ({
  secrets: { cookie: valueAt(written, 'secrets.default') ?? [] },
  serve: {
    public: { base_url: `http://127.0.0.1:${String(valueAt(written, 'serve.public.port') ?? PORTS.public.port)}/` },
    admin: { base_url: `http://127.0.0.1:${String(valueAt(written, 'serve.admin.port') ?? PORTS.admin.port)}/` },
  },
})

/** Merge keys (`<<: *anchor`) work as in Kratos. */
function readYaml (path: string): JsonObject {
  const text = readFileSync(path, 'utf8')
  const content = parsed(path, text)
  if (!isObject(content)) throw new TypeError(`${path} cannot be used: it holds no settings`)
  return content
}

function parsed (path: string, text: string): unknown {
  try {
    return parse(text, { merge: true })
  } catch (error) {
    const [line = ''] = error instanceof Error ? error.message.split('\n') : []
    throw new Error(`${path} cannot be read as YAML: ${line.replace(/:$/, '')}`, { cause: error })
  }
}
