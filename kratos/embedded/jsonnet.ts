import type Jsonnet from '@arakoodev/jsonnet'
import { isObject, type Json, type JsonObject } from './json.js'

/** A snippet that cannot be parsed or ends with an error; `message` is what the interpreter said. */
export class JsonnetError extends Error {
  /** The snippet said `error 'cancel'`. */
  get isCancel (): boolean {
    return this.message.startsWith('runtime error: cancel')
  }
}

/**
 * Goes before every snippet. The interpreter lacks std.trim and takes texts as external variables, where Kratos gives
 * values. `input` is the only variable it is given, because a variable stays until it is set again.
 */
const PRELUDE = `
local plain = std;
local input = plain.parseJson(plain.extVar('input'));
local std = plain + {
  extVar(name):: if plain.objectHas(input.variables, name) then input.variables[name] else error 'undefined external variable: ' + name,
  trim(text):: plain.stripChars(text, ' \\t\\n\\f\\r\\u0085\\u00a0'),
};`.replaceAll('\n', ' ')

/**
 * The snippet called with the top-level argument `ctx`; one that is no function is its own result.
 * @returns JSON in Go's layout of three spaces
 * @throws JsonnetError
 */
export async function evaluateTemplate (source: string, context: Json): Promise<string> {
  const call = 'if std.isFunction(template) then template(ctx=input.ctx) else template'
  return await evaluate(`local template = (${source}\n); ${call}`, { ctx: context, variables: {} })
}

/**
 * The snippet with values behind `std.extVar`.
 * @throws JsonnetError
 */
export async function evaluateMapper (source: string, variables: JsonObject): Promise<JsonObject> {
  const result: unknown = JSON.parse(await evaluate(`(${source}\n)`, { variables }))
  if (!isObject(result)) throw new JsonnetError('the snippet gives no object')
  return result
}

let machine: Promise<Jsonnet> | undefined

/** Loaded with the first snippet: the WebAssembly module would double the time to start. */
async function loaded (): Promise<Jsonnet> {
  const { default: Machine } = await import('@arakoodev/jsonnet')
  return new Machine()
}

/** One machine serves all snippets: each further one would keep its memory after `destroy` and slow the next ones down. */
async function evaluate (snippet: string, input: JsonObject): Promise<string> {
  machine ??= loaded()
  return checked((await machine).extString('input', JSON.stringify(input)).evaluateSnippet(`${PRELUDE} ${snippet}`))
}

/** The interpreter returns errors as text, and indents by four. */
function checked (result: string): string {
  try {
    JSON.parse(result)
  } catch {
    throw new JsonnetError(result)
  }
  return `${result.trimEnd().replace(/^( {4})+/gm, spaces => ' '.repeat(spaces.length / 4 * 3))}\n`
}
