import type Jsonnet from '@arakoodev/jsonnet'
import type { Json, JsonObject } from './json.js'

/** A snippet that cannot be parsed or ends with an error; `message` is the interpreter's. */
export class JsonnetError extends Error {
  /** The snippet said `error 'cancel'`. */
  get isCancel (): boolean {
    return this.message.startsWith('runtime error: cancel')
  }
}

/**
 * Precedes every snippet. The interpreter lacks what is newer in Go's, and its external variables are strings, where
 * Kratos passes values. `input` is the only one here, because a variable keeps its value until it is set again.
 */
const PRELUDE = `
local plain = std;
local input = plain.parseJson(plain.extVar('input'));
local std = plain + {
  extVar(name)::
    if plain.objectHas(input.variables, name) then input.variables[name]
    else error 'undefined external variable: ' + name,
  trim(text):: plain.stripChars(text, ' \\t\\n\\u000b\\f\\r\\u0085\\u00a0\\u1680\\u2028\\u2029\\u202f\\u205f\\u3000' +
    plain.join('', [plain.char(code) for code in plain.range(8192, 8202)])),
  thisFile:: '',
  isOdd(x):: plain.floor(plain.abs(x)) % 2 == 1,
  isEven(x):: plain.floor(plain.abs(x)) % 2 == 0,
  pi:: 3.14159265358979311600,
  deg2rad(x):: x * self.pi / 180,
  rad2deg(x):: x * 180 / self.pi,
  hypot(a, b)::
    local p = plain.max(plain.abs(a), plain.abs(b)), q = plain.min(plain.abs(a), plain.abs(b));
    if p == 0 then 0 else p * plain.sqrt(1 + (q / p) * (q / p)),
  log2(x):: plain.log(x) / plain.log(2),
  log10(x):: plain.log(x) / plain.log(10),
  atan2(y, x)::
    if y == 0 then (if x < 0 then self.pi else 0)
    else if x == 0 then (if y < 0 then -1 else 1) * self.pi / 2
    else plain.atan(y / x) + (if x > 0 then 0 else if y < 0 then -self.pi else self.pi),
  flattenDeepArray(value)::
    if plain.isArray(value) then [item for part in value for item in self.flattenDeepArray(part)] else [value],
};`.replaceAll('\n', ' ')

/**
 * Calls the snippet with the argument `ctx`. A snippet that is not a function is the result itself.
 * @returns JSON with Go's indentation of three spaces
 * @throws JsonnetError
 */
export async function evaluateTemplate (source: string, context: Json): Promise<string> {
  const call = 'if std.isFunction(template) then template(ctx=input.ctx) else template'
  return await evaluate(`local template = (${source}\n); ${call}`, { ctx: context, variables: {} })
}

/**
 * Evaluates a snippet that reads values by `std.extVar`.
 * @throws JsonnetError
 */
export async function evaluateMapper (source: string, variables: JsonObject): Promise<Json> {
  return JSON.parse(await evaluate(`(${source}\n)`, { variables })) as Json
}

let machine: Promise<Jsonnet> | undefined

/** Loaded with the first snippet, because the WebAssembly module would double the start time. */
async function loaded (): Promise<Jsonnet> {
  const { default: Machine } = await import('@arakoodev/jsonnet')
  return new Machine()
}

/** One machine for all snippets: each new one would leak memory in spite of `destroy` and slow down the next ones. */
async function evaluate (snippet: string, input: JsonObject): Promise<string> {
  machine ??= loaded()
  return checked((await machine).extString('input', JSON.stringify(input)).evaluateSnippet(`${PRELUDE} ${snippet}`))
}

/** The interpreter returns errors as text and indents by four spaces. */
function checked (result: string): string {
  try {
    JSON.parse(result)
  } catch {
    throw new JsonnetError(result)
  }
  return `${result.trimEnd().replace(/^( {4})+/gm, (spaces) => ' '.repeat(spaces.length / 4 * 3))}\n`
}
