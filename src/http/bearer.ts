import type { IncomingHttpHeaders } from 'node:http'
import { createKeyCheck } from '../webhook/key.js'

const BEARER = /^Bearer ([\x21-\x7e]+)$/i

/** Whether a request has one of these keys in `Authorization: Bearer`. */
export function createBearerCheck (keys: readonly string[]): (headers: IncomingHttpHeaders) => boolean {
  const isKey = createKeyCheck(keys)
  return ({ authorization }) => isKey(BEARER.exec(authorization ?? '')?.[1])
}
