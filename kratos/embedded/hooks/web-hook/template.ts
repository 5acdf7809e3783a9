import { internal } from '../../http/errors.js'
import { readAddress } from '../../identity/schemas.js'
import type { JsonObject } from '../../json.js'
import type { Kratos } from '../../kratos.js'
import type { HookSettings } from './settings.js'

/** Loaded with the first hook: the WebAssembly module would double the time to start. */
async function evaluate (snippet: string): Promise<string> {
  const { default: Jsonnet } = await import('@arakoodev/jsonnet')
  const machine = new Jsonnet()
  try {
    return machine.evaluateSnippet(snippet)
  } finally {
    machine.destroy()
  }
}

/**
 * The body of a hook: the template, a function of `ctx`, evaluated; an empty one without template.
 * @returns undefined when the template says `error 'cancel'` (recording 78)
 */
export async function renderTemplate (kratos: Kratos, { template }: HookSettings, context: JsonObject): Promise<string | undefined> {
  if (template === '') return ''
  const source = readAddress(template, kratos.folder)
  // A template that fails gives its error as text instead of JSON.
  const result = await evaluate(`(${source}\n)(${JSON.stringify(context)})`)
  if (result.startsWith('runtime error: cancel')) return undefined
  try {
    return JSON.stringify(JSON.parse(result))
  } catch {
    throw internal(result)
  }
}
