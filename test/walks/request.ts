import type { Pool } from 'undici'
import type { RawAnswer } from './normalise.js'
import { isObject, type Json } from './steps.js'

export interface Request {
  method: string
  path: string
  headers?: Record<string, string> | undefined
  body?: Json
  isForm?: boolean
  /** Sent instead of the body. */
  raw?: string | undefined
}

/** Nested members become dotted names, as in a form of HTML. */
function formText (body: Json): string {
  const form = new URLSearchParams()
  const add = (name: string, value: Json): void => {
    if (isObject(value)) {
      for (const [member, item] of Object.entries(value)) add(name === '' ? member : `${name}.${member}`, item)
    } else for (const item of [value].flat()) form.append(name, typeof item === 'string' ? item : JSON.stringify(item))
  }
  add('', body)
  return form.toString()
}

function textOf ({ body, isForm = false, raw }: Request): string | undefined {
  if (raw !== undefined) return raw
  if (body === undefined) return undefined
  return isForm ? formText(body) : JSON.stringify(body)
}

/** One call; redirects are not followed. */
export async function ask (pool: Pool, request: Request): Promise<RawAnswer> {
  const { method, path, headers = {}, isForm = false } = request
  const text = textOf(request)
  const type = { 'content-type': isForm ? 'application/x-www-form-urlencoded' : 'application/json' }
  const answer = await pool.request({
    method: method as 'GET',
    path,
    headers: { ...(text === undefined ? {} : type), ...headers },
    ...(text === undefined ? {} : { body: text }),
  })
  return { status: answer.statusCode, headers: answer.headers, body: await answer.body.text() }
}
