import { dirname, join, resolve } from 'node:path'
import { isObject, mergeJson, valueAt, type JsonObject } from '../json.js'
import { checkConfig } from './check.js'
import { DEFAULTS } from './defaults.js'
import { withEnvironment, type Environment } from './environment.js'
import { exampleFolder } from './example-folder.js'
import { exampleText } from './example-text.js'
import { readFile } from './files.js'
import { withoutCalls } from './quiet.js'
import type { Config } from './types.js'

const { serve: PORTS } = DEFAULTS as unknown as Config

/** The repository's example, with its schema in it. */
function exampleConfig (path: string): JsonObject {
  const url = `base64://${Buffer.from(exampleText('identity.schema.json')).toString('base64')}`
  return mergeJson(readFile(path, exampleText('kratos.yml')), { identity: { schemas: [{ id: 'default', url }] } })
}

/** Path of a configuration file, or its content. */
export type ConfigPart = string | JsonObject

export interface ConfigSource {
  /** Default the packaged example, which then calls nobody. Later ones are merged over earlier ones. */
  config?: ConfigPart | ConfigPart[] | undefined
  /** Base folder of relative file:// addresses when `config` is an object. */
  folder?: string | undefined
  /** Settings in Kratos' naming; default the environment of the process. */
  env?: Environment | undefined
  /** Merged into the configuration. */
  overrides?: JsonObject | undefined
  /** Whether an identity schema is given separately; then the configuration needs none. */
  hasSchema?: boolean
  /** Whether settings that are left out are errors. */
  strict?: boolean | undefined
}

export interface ReadConfig {
  values: Config
  /** Base folder of relative file:// addresses: that of the first file, or the given one. */
  folder: string
  /** Settings that are ignored because they change no answer, grouped by the reason. */
  ignored: Map<string, string[]>
  /** Settings that are left out although they would change answers, grouped by the missing feature. */
  leftOut: Map<string, string[]>
}

/**
 * Reads a configuration as Kratos does: files, then environment variables, over its defaults.
 * @throws Error with the path of every setting that Kratos refuses, or is left out if that is an error
 */
export function readConfig (source: ConfigSource): ReadConfig {
  const { overrides = {}, env = process.env, folder = process.cwd(), hasSchema = false, strict = false } = source
  const parts = [source.config ?? []].flat()
  const isExample = parts.length === 0
  const files = isExample ? [join(exampleFolder(), 'kratos.yml')] : parts
  const read = isExample
    ? withoutCalls(exampleConfig(String(files[0])))
    : files.map((part) => typeof part === 'string' ? readFile(part) : part).reduce(mergeFiles, {})
  const written = mergeJson(withEnvironment(read, env), overrides)
  const schema = { identity: { schemas: [{ id: 'default', url: 'base64://' }] } }
  const { problems, ignored, leftOut } = checkConfig(hasSchema ? mergeJson(written, schema) : written)
  if (strict) problems.push(...[...leftOut].flatMap(([what, paths]) => paths.map((path) => leftOutLine(path, what))))
  const paths = files.filter((part) => typeof part === 'string')
  const [path] = paths
  const name = paths.length === 0 ? 'the configuration' : paths.join(', ')
  if (problems.length > 0) throw new Error(`${name} cannot be used:${listed(problems)}`)
  const values = mergeJson(mergeJson(DEFAULTS, derivedDefaults(written)), withoutEmpty(written))
  return {
    values: values as unknown as Config,
    folder: path === undefined ? folder : dirname(resolve(path)),
    ignored,
    leftOut,
  }
}

/** Sections are merged; whatever else stands in a later file replaces what an earlier one says. */
const mergeFiles = (earlier: JsonObject, later: JsonObject): JsonObject => mergeJson(earlier, later)

const leftOutLine = (path: string, what: string): string => `${path} would be left out (not built: ${what})`

const listed = (lines: string[]): string =>
  lines.length === 1 ? ` ${lines.join()}` : lines.map((line) => `\n  ${line}`).join('')

/** A section without settings of its own leaves the defaults as they are. */
const withoutEmpty = (written: JsonObject): JsonObject =>
  isObject(written['feature_flags']) ? written : { ...written, feature_flags: {} }

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
