import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parse } from 'yaml'
import { isObject, mergeJson, type JsonObject } from '../json.js'
import { DEFAULTS } from './defaults.js'
import type { Config } from './types.js'

/** The repository's own configuration; one folder up from the sources, and beside `dist/` from the build. */
function defaultPath (): string {
  const candidates = ['..', '../../../kratos'].map(folder => join(import.meta.dirname, '..', folder, 'kratos.yml'))
  const found = candidates.find(path => existsSync(path))
  if (found === undefined) throw new Error(`no kratos.yml at ${candidates.join(' or ')}`)
  return found
}

export interface ReadConfig {
  values: Config
  /** Folder from which relative file:// addresses count: that of the file, or the one given with an object. */
  folder: string
}

/**
 * A configuration with Kratos' defaults filled in.
 * @param source path of a kratos.yml, or its content as an object; default the repository's
 * @param overrides merged over it
 */
export function readConfig (source: string | JsonObject = defaultPath(), overrides: JsonObject = {}, folder = process.cwd()): ReadConfig {
  const raw: unknown = typeof source === 'string' ? parse(readFileSync(source, 'utf8')) : source
  if (!isObject(raw)) throw new TypeError('the Kratos configuration is no object')
  const values = mergeJson(mergeJson(DEFAULTS, raw), overrides)
  return { values: values as unknown as Config, folder: typeof source === 'string' ? dirname(resolve(source)) : folder }
}
