import { isObject, type Json, type JsonObject } from './json.js'

/** A snippet that cannot be parsed or ends with an error; `message` is what the interpreter said. */
export class JsonnetError extends Error {
  /** The snippet said `error 'cancel'`. */
  get isCancel (): boolean {
    return this.message.startsWith('runtime error: cancel')
  }
}

/**
 * The snippet called with the top-level argument `ctx`; one that is no function is its own result.
 * @returns JSON in Go's layout of three spaces
 * @throws JsonnetError
 */
export async function evaluateTemplate (source: string, context: Json): Promise<string> {
  const call = "if std.isFunction(template) then template(ctx=std.parseJson(std.extVar('ctx'))) else template"
  return await evaluate(`local template = (${source}\n); ${call}`, { ctx: context })
}

/**
 * The snippet with values behind `std.extVar`.
 * @throws JsonnetError
 */
export async function evaluateMapper (source: string, variables: JsonObject): Promise<JsonObject> {
  // The interpreter takes texts only, Kratos gives values.
  const std = 'local plain = std; local std = plain + { extVar(name):: plain.parseJson(plain.extVar(name)) }'
  const result: unknown = JSON.parse(await evaluate(`${std}; (${source}\n)`, variables))
  if (!isObject(result)) throw new JsonnetError('the snippet gives no object')
  return result
}

/** Loaded with the first snippet: the WebAssembly module would double the time to start. */
async function evaluate (snippet: string, variables: JsonObject): Promise<string> {
  const { default: Jsonnet } = await import('@arakoodev/jsonnet')
  const machine = new Jsonnet()
  try {
    for (const [name, value] of Object.entries(variables)) machine.extString(name, JSON.stringify(value))
    return checked(machine.evaluateSnippet(snippet))
  } finally {
    machine.destroy()
  }
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
