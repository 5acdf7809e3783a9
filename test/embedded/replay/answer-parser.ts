import type { Answer, HeaderPair, Json } from './types.js'

interface Head {
  status: number
  headers: HeaderPair[]
  end: number
}

export interface AnswerParser {
  push: (chunk: Buffer) => void
  hasHead: () => boolean
  isComplete: () => boolean
  /** What has arrived so far. */
  answer: () => Answer
}

/**
 * Reads one HTTP/1.1 answer (RFC 9112) and keeps its header lines unchanged. Skips informational answers.
 * @param method of the request, because an answer to HEAD has no body
 */
export function createAnswerParser (method: string): AnswerParser {
  let bytes = Buffer.alloc(0)
  let head: Head | undefined

  const header = (wanted: string): string | undefined =>
    head?.headers.find(([name]) => name.toLowerCase() === wanted)?.[1]
  const isChunked = (): boolean => header('transfer-encoding')?.toLowerCase() === 'chunked'
  const isBodyless = (): boolean => method === 'HEAD' || head?.status === 204 || head?.status === 304
  const rest = (): Buffer => bytes.subarray(head?.end ?? 0)

  return {
    push (chunk) {
      bytes = Buffer.concat([bytes, chunk])
      while (head === undefined || head.status < 200) {
        if (head !== undefined) bytes = bytes.subarray(head.end)
        head = parseHead(bytes)
        if (head === undefined) return
      }
    },
    hasHead: () => head !== undefined,
    isComplete () {
      if (head === undefined) return false
      if (isBodyless()) return true
      if (isChunked()) return decodeChunks(rest()) !== undefined
      const length = header('content-length')
      return length !== undefined && rest().length >= Number(length)
    },
    answer () {
      if (head === undefined) return { status: 0, headers: [] }
      const decoded = isChunked() ? decodeChunks(rest()) ?? rest() : rest()
      return { status: head.status, headers: head.headers, body: isBodyless() ? null : bodyOf(decoded) }
    },
  }
}

function parseHead (bytes: Buffer): Head | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const [statusLine = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const headers = lines.map((line): HeaderPair => [
    line.slice(0, line.indexOf(':')),
    line.slice(line.indexOf(':') + 1).trim(),
  ])
  return { status: Number(statusLine.split(' ')[1]), headers, end: end + 4 }
}

/** The joined chunks, or undefined if the last one is missing. */
function decodeChunks (bytes: Buffer): Buffer | undefined {
  const chunks: Buffer[] = []
  for (let at = 0; ;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd === -1) return undefined
    const size = parseInt(bytes.subarray(at, lineEnd).toString('latin1'), 16)
    if (size === 0) return Buffer.concat(chunks)
    const start = lineEnd + 2
    if (bytes.length < start + size + 2) return undefined
    chunks.push(bytes.subarray(start, start + size))
    at = start + size + 2
  }
}

/** Bodies as the recordings have them: JSON values for JSON, null for no body, otherwise text. */
function bodyOf (bytes: Buffer): Json {
  if (bytes.length === 0) return null
  const text = bytes.toString('utf8')
  try {
    return JSON.parse(text) as Json
  } catch {
    return text
  }
}
