import { isTooDeep } from '../json-depth.js'

export class UnusableBodyError extends Error {
  override name = 'UnusableBodyError'
}

const IS_JSON = /^application\/json\s*(?:;|$)/i

/** Two bytes for each level: nothing shorter can be nested too deeply. */
const SHALLOW_BYTES = 8192

/**
 * The value of a complete JSON body; undefined when there is none or it is another type. @throws UnusableBodyError
 * where JSON is truncated, two documents (docs/kratos-facts.md, section 17) or nested beyond use
 */
export function parseBody (chunks: Buffer[], size: number, contentType: unknown): unknown {
  if (size === 0 || !IS_JSON.test(String(contentType ?? ''))) return undefined
  const whole = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size)
  const value = parse(whole.toString('utf8'))
  if (size > SHALLOW_BYTES && isTooDeep(value)) throw new UnusableBodyError('nested too deeply')
  return value
}

function parse (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    // V8 quotes the text it stumbled over, which may hold a token: only the kind of error is kept.
    throw new UnusableBodyError(`not JSON: ${(error as Error).name}`)
  }
}
