import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { JsonObject, NamedRecording, Recording } from './types.js'

const recordingsFolder = join(import.meta.dirname, '../../recordings')

/**
 * Recordings sorted by file name. `wanted` are prefixes of file names such as `13` or `72-webhook`; none means all.
 * @param folder any folder with files of the same format
 */
export function loadRecordings (wanted: readonly string[] = [], folder = recordingsFolder): NamedRecording[] {
  return readdirSync(folder)
    .filter((file) => /^\d\d-.*\.json$/.test(file))
    .map((file) => file.slice(0, -'.json'.length))
    .filter((name) => wanted.length === 0 || wanted.some((beginning) => name.startsWith(beginning)))
    .sort()
    .map((name) => ({ ...readJson<Recording>(join(folder, `${name}.json`)), name }))
}

/** The base configuration and identity schema; recordings list only what differs from them. */
export function loadBaseConfig (): { config: JsonObject, schema: JsonObject } {
  const base = readJson<{ 'kratos.yml': JsonObject, 'identity.schema.json': JsonObject }>(
    join(recordingsFolder, 'base-config.json'),
  )
  return { config: base['kratos.yml'], schema: base['identity.schema.json'] }
}

function readJson<T> (path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T
}
