import type { Readable } from 'node:stream'
import { GIVEN_UP } from './call.js'
import { isRecord } from './kratos-body.js'
import { sessionToken } from './session-token.js'
import { failureOfException, type UpstreamFailure, upstreamFailure } from './upstream-failure.js'

const CALLBACK = /^\/self-service\/methods\/[^/]+\/callback\//
const MAX_BYTES = 1024 * 1024

export const isProviderCallback = (path: string): boolean => CALLBACK.test(path)

/** The body of an answer whose head is here already; what becomes of it later is Kratos' failure as much. */
export async function readBody (body: Readable): Promise<Buffer | UpstreamFailure> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > MAX_BYTES) return upstreamFailure('UPSTREAM_ERROR', new Error(`an answer of more than ${MAX_BYTES} bytes`))
      chunks.push(chunk)
    }
  } catch (error) {
    return error === GIVEN_UP ? upstreamFailure('UPSTREAM_TIMEOUT') : failureOfException(error, { isSent: true })
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
