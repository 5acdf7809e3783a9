import type { Readable } from 'node:stream'
import { isRecord } from './kratos-body.js'
import { sessionToken } from './session-token.js'

/** Where a provider sends the browser back to. */
const CALLBACK = /^\/self-service\/methods\/[^/]+\/callback\//
const MAX_BYTES = 1024 * 1024

export const isProviderCallback = (path: string): boolean => CALLBACK.test(path)

/** Reads a body whole; undefined when it has more than 1 MiB, and then it is destroyed. */
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

/** The session token that an API flow of a provider shows at its end, as JSON in the browser. */
export function tokenShown (body: Buffer): string | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    return isRecord(value) ? sessionToken(value) : undefined
  } catch {
    return undefined
  }
}
