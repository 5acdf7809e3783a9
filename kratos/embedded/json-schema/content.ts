import type { Rules } from './rules.js'
import type { Problem } from './problem.js'

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

function isJson (text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** `contentEncoding` and `contentMediaType`; only base64 and JSON are checked. */
export function contentProblems ({ schema, problem }: Rules, value: string): Problem[] {
  const { contentEncoding: encoding, contentMediaType: type } = schema
  const packed = value.replace(/[\r\n]/g, '')
  if (encoding === 'base64' && !BASE64.test(packed)) {
    return [problem('contentEncoding', `${JSON.stringify(value)} is not base64 encoded`)]
  }
  if (type !== 'application/json' || (encoding !== undefined && encoding !== 'base64')) return []
  const content = encoding === undefined ? value : Buffer.from(packed, 'base64').toString()
  return isJson(content) ? [] : [problem('contentMediaType', 'value is not of mediatype "application/json"')]
}
