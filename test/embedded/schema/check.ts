import { Ajv, type ErrorObject } from 'ajv'
import formats from 'ajv-formats'
import { isJsonObject, type Answer, type Json, type JsonObject } from '../replay/types.js'
import type { Correction } from './corrections.js'
import { partsOf, replaceAt } from './document.js'
import { operationOf, type Operation, type Request } from './operations.js'

export type AnswerCheck = (request: Request, answer: Answer) => Judgement

/** `undescribed`: the document has no such operation, so only a refusal or redirect is expected. */
export interface Judgement {
  kind: 'described' | 'undescribed'
  problems: string[]
}

const escape = (part: string): string => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))

/** @param document with its schemas as JSON Schema */
export function createAnswerCheck (document: JsonObject, corrections: readonly Correction[]): AnswerCheck {
  const corrected = corrections.reduce<Json>(
    (result, { at, right }) => replaceAt(result, partsOf(at), (old) => right(isJsonObject(old) ? old : {})),
    document,
  )
  // strict: false, because OpenAPI has its own keywords, such as example and discriminator
  const ajv = new Ajv({ strict: false, allErrors: true })
  formats.default(ajv)
  ajv.addFormat('uuid4', { validate: (text: string) => /^[0-9a-f-]{36}$/.test(text) })
  ajv.addSchema({ ...corrected as JsonObject, $id: 'kratos' })
  const at = (...parts: string[]): JsonObject | undefined =>
    parts.reduce<Json | undefined>((node, part) => (isJsonObject(node) ? node[part] : undefined), corrected) as
      | JsonObject
      | undefined

  /** Where the response of this status is described, after following references. */
  function responsePlace ({ template, method }: Operation, status: number): string[] | undefined {
    const responses = ['paths', template, method.toLowerCase(), 'responses']
    const place = [String(status), 'default']
      .map((key) => [...responses, key])
      .find((candidate) => at(...candidate) !== undefined)
    const target = place === undefined ? undefined : at(...place)?.['$ref']
    return typeof target === 'string' ? partsOf(target) : place
  }

  function problemsWith (operation: Operation, { status, headers, body = null }: Answer): string[] {
    const place = responsePlace(operation, status)
    if (place === undefined) return [`status ${status} is not described`]
    const content = at(...place, 'content') ?? {}
    const type = headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1].split(';')[0] ?? ''
    if (body === null && (operation.isBodyless || !('application/json' in content))) return []
    if (!(type in content)) return [`a body of type ${type || 'unknown'} is not described`]
    const validate = ajv.getSchema(`kratos#/${[...place, 'content', type, 'schema'].map(escape).join('/')}`)
    if (validate === undefined) throw new Error(`no schema at ${place.join(' ')}`)
    validate(body)
    return (validate.errors ?? []).map(problemText)
  }

  return (request, answer) => {
    const operation = operationOf(request, Object.keys(at('paths') ?? {}), at)
    if (operation === undefined) return { kind: 'undescribed', problems: undescribedProblems(request, answer) }
    const problems = problemsWith(operation, answer).map(
      (problem) => `${operation.method} ${operation.template} ${answer.status}: ${problem}`,
    )
    return { kind: 'described', problems: [...new Set(problems)] }
  }
}

/** What Kratos does if its document says nothing: it refuses or redirects, and metrics are text. */
function undescribedProblems ({ method, url }: Request, { status }: Answer): string[] {
  return status >= 300 && status < 500
    ? []
    : [`${method} ${url.replace(/\?.*/, '')} ${status}: the document has no such operation`]
}

function problemText ({ instancePath, message = '', params }: ErrorObject): string {
  const place = instancePath.replaceAll(/\/\d+(?=\/|$)/g, '/*')
  const name = typeof params['additionalProperty'] === 'string' ? ` (${params['additionalProperty']})` : ''
  return `${place || '/'} ${message}${name}`
}
