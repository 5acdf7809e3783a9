import { asObject, isObject, type JsonObject } from '../json.js'
import { firstJson } from '../go/json.js'
import { badRequest } from './errors.js'
import type { Exchange } from './exchange.js'

/** The request's JSON object; null is an empty one. @throws ApiError 400 with Kratos' messages (recordings 42, 82) */
export function jsonBody (ex: Exchange): JsonObject {
  const type = ex.headers.get('content-type') ?? ''
  if (ex.body.kind === 'too-large') throw badRequest('Unable to read HTTP POST body: http: request body too large')
  if (ex.body.bytes.length === 0) {
    throw badRequest('Unable to decode HTTP Request Body because its HTTP Header "Content-Length" is zero.')
  }
  if (type.split(';')[0]?.trim() !== 'application/json') {
    throw badRequest(
      `HTTP ${ex.method} Request used unknown HTTP Header "Content-Type: ${type}", only [application/json] are supported.`,
    )
  }
  const body = parsed(ex.body.bytes.toString())
  if (body !== null && !isObject(body)) throw undecodable('json: cannot unmarshal the body into an object')
  return asObject(body)
}

function parsed (text: string): unknown {
  try {
    return firstJson(text)
  } catch (error) {
    throw undecodable(String(error))
  }
}

/** A field of the wrong type, with the decoder's message. */
export const undecodable = (why: string): ReturnType<typeof badRequest> =>
  badRequest(`Unable to decode JSON payload: ${why}`)
