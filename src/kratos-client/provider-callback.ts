import type { Readable } from 'node:stream'
import { isRecord } from './kratos-body.js'
import { sessionToken } from './session-token.js'

const CALLBACK = /^\/self-service\/methods\/[^/]+\/callback\//
const MAX_BYTES = 1024 * 1024

export const isProviderCallback = (path: string): boolean => CALLBACK.test(path)

/** Undefined for more than 1 MiB; then the body is destroyed. */
export async function readBody (body: Readable): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** An API flow with a provider ends in the browser, with JSON that holds the session token. */
export function tokenShown (body: Buffer): string | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    return isRecord(value) ? sessionToken(value) : undefined
  } catch {
    return undefined
  }
}
