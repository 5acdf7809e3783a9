import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** A caller's id is kept only in a form that is harmless in every log and header (B34). */
const SAFE_ID = /^[A-Za-z0-9._-]{1,64}$/

export function requestId ({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && SAFE_ID.test(given) ? given : randomUUID()
}
