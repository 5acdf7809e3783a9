import { isObject, type Json, type JsonObject } from '../json.js'
import { KEYS } from './keys.js'
import type { Rule, ValueType } from './rules.js'
import { treeOf, type Node } from './tree.js'

export type Environment = Record<string, string | undefined>

/** Their names are too common: in a test, the environment belongs to other programs too. */
const OF_THE_PROCESS = /^(version|dev|help|config|revision|organizations|expose-metrics-port|sqa-opt-out|watch-courier)$|^(log|tracing)\b/

/** What Kratos makes of the text of a variable. */
type Reader = (text: string) => Json

const TRUE = ['1', 't', 'T', 'TRUE', 'true', 'True']

const parsed = (text: string): Json | undefined => {
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}

const wholeNumber = (text: string): number => /^[+-]?\d+(\.0*)?$/.test(text) ? Math.trunc(Number(text)) : 0

const structure: Reader = (text) => {
  const value = parsed(text)
  return typeof value === 'object' ? value : null
}

const READERS: Record<ValueType, Reader> = {
  string: (text) => text,
  number: (text) => Number(text) || 0,
  integer: wholeNumber,
  boolean: (text) => TRUE.includes(text),
  any: structure,
}

/** A list is JSON, or for texts one line of CSV. */
const textList: Reader = (text) => {
  const value = parsed(text)
  return value === undefined ? csv(text) : structure(text)
}

function csv (line: string): string[] {
  const fields = [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)]
  return fields.map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '')
}

interface Variable {
  path: string[]
  read: Reader
}

const spelled = (path: string[]): string => path.join('.').replaceAll('_', '.')

/** Every setting that a variable can hold, by its spelling. `#` stands for the index in a list. */
function variables (node: Node<Rule>, path: string[], into: Map<string, Variable>): Map<string, Variable> {
  const { items, names, rule } = node
  const isLeaf = items === undefined && names.size === 0 && node.any === undefined
  const isTexts = items?.rule?.kind !== 'group' && items?.rule?.check.type === 'string'
  const isUntyped = rule?.kind === 'group' && rule.mayBeEmpty
  const read = isLeaf ? READERS[rule?.check.type ?? 'any'] : isTexts ? textList : structure
  if (path.length > 0 && !isUntyped) into.set(spelled(path), { path, read })
  for (const [name, next] of names) variables(next, [...path, name], into)
  if (items !== undefined) variables(items, [...path, '#'], into)
  return into
}

const VARIABLES = variables(treeOf(KEYS), [], new Map())

function variableOf (name: string): Variable | undefined {
  const key = name.toLowerCase().replaceAll('_', '.')
  const exact = VARIABLES.get(key)
  if (exact !== undefined) return exact
  const indices = key.split('.').filter((part) => /^\d+$/.test(part))
  const found = indices.length === 0 ? undefined : VARIABLES.get(key.replaceAll(/(?<=\.|^)\d+(?=\.|$)/g, '#'))
  return found && { ...found, path: found.path.map((part) => part === '#' ? indices.shift() ?? part : part) }
}

/** Sets a value by path; a number in a path is an index. */
function set (target: JsonObject | Json[], [name = '', ...rest]: string[], value: Json): void {
  const at = target as Record<string, Json>
  if (name === '__proto__') return
  if (Array.isArray(target)) while (target.length < Number(name)) target.push(null)
  if (rest.length === 0) {
    at[name] = value
    return
  }
  const old = at[name]
  const next = isObject(old) || Array.isArray(old) ? old : /^\d+$/.test(rest[0] ?? '') ? [] : {}
  at[name] = next
  set(next, rest, value)
}

/** Leaves with their paths. As in Kratos, an empty list or section changes nothing. */
function leavesOf (value: Json, path: string[]): Array<[string[], Json]> {
  if (typeof value !== 'object' || value === null) return [[path, value]]
  return Object.entries(value).flatMap(([name, item]) => leavesOf(item as Json, [...path, name]))
}

/**
 * The configuration with the settings from environment variables: `SELFSERVICE_METHODS_OIDC_CONFIG_PROVIDERS_0_ID` is
 * `selfservice.methods.oidc.config.providers[0].id`.
 */
export function withEnvironment (config: JsonObject, env: Environment): JsonObject {
  const result = structuredClone(config)
  for (const [name, text] of Object.entries(env)) {
    const variable = text === undefined ? undefined : variableOf(name)
    if (text === undefined || variable === undefined || OF_THE_PROCESS.test(variable.path.join('.'))) continue
    for (const [path, value] of leavesOf(variable.read(text), variable.path)) set(result, path, value)
  }
  return result
}
