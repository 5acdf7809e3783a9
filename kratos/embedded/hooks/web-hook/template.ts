import { plainError } from '../../http/errors.js'
import { isObject, type JsonObject } from '../../json.js'
import { evaluateTemplate, JsonnetError } from '../../jsonnet.js'
import { readResource } from '../../resources.js'
import type { HookSettings } from './settings.js'

/**
 * The body of a hook: the result of its template, as JSON or as a form.
 * @param folder base folder of file:// addresses
 * @returns undefined when the template says `error 'cancel'` (recording 78), which works for JSON only
 * @throws ApiError when there is no template or it fails
 */
export async function renderTemplate (
  { template, method, headers }: HookSettings,
  context: JsonObject,
  folder: string,
): Promise<string | undefined> {
  if (method === 'TRACE') return ''
  if (template === '') throw plainError('got empty template path for request with body')
  const isForm = headers['Content-Type'] === 'application/x-www-form-urlencoded'
  if (!isForm && headers['Content-Type'] !== 'application/json') {
    throw plainError('invalid config - incorrect Content-Type for request with body')
  }
  try {
    const text = await evaluateTemplate(await readResource(template, folder), context)
    return isForm ? formOf(text) : text
  } catch (error) {
    if (!(error instanceof JsonnetError)) throw error
    if (error.isCancel && !isForm) return undefined
    throw plainError(error.message)
  }
}

function formOf (text: string): string {
  const values: unknown = JSON.parse(text)
  if (!isObject(values) || Object.values(values).some((value) => typeof value !== 'string')) {
    throw plainError('json: cannot unmarshal the body into texts by name')
  }
  return new URLSearchParams(
    Object.entries(values).map(([name, value]): [string, string] => [name, String(value)]),
  ).toString()
}
