import type { Dispatcher } from 'undici'
import { isTooDeep } from '../json-depth.js'

/** The answer was larger than we accept, or was not what its headers announced. */
export class UnusableBodyError extends Error {
  override name = 'UnusableBodyError'
}

const IS_JSON = /^application\/json\s*(?:;|$)/i

/**
 * Reads the whole body, so that the socket goes back to the pool, and parses it when it is declared JSON.
 * @param maxBytes limit of the decoded body; past it the socket is given up and the call fails (J12)
 * @throws UnusableBodyError for a body that is too large or that is declared JSON and is not (truncated, two documents: facts 17) or that is nested beyond use
 */
export async function readBody ({ headers, body }: Dispatcher.ResponseData, maxBytes: number): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBytes) throw new UnusableBodyError(`more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  if (size === 0 || !IS_JSON.test(String(headers['content-type'] ?? ''))) return undefined
  const value = parse(Buffer.concat(chunks, size).toString('utf8'))
  if (isTooDeep(value)) throw new UnusableBodyError('nested too deeply')
  return value
}

function parse (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    // V8 quotes the text it stumbled over, and that text may hold a token: only the kind of error is kept.
    throw new UnusableBodyError(`not JSON: ${(error as Error).name}`)
  }
}
