import type { IncomingHttpHeaders } from 'node:http'
import type { UpstreamAnswer } from '../../src/kratos-client/buffered-call.js'

export interface RecordedResponse {
  status: number
  headers: Array<[string, string]>
  body: unknown
}

/** What the transport makes of an answer: repeated headers in a list, a body only when it is JSON. */
export function upstreamAnswer ({ status, headers, body }: RecordedResponse): UpstreamAnswer {
  const values = (name: string): string[] =>
    headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value)
  const isJson = values('content-type').some((type) => type.startsWith('application/json'))
  const single: IncomingHttpHeaders = Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value]))
  return { kind: 'answer', status, headers: single, setCookie: values('set-cookie'), body: isJson ? body : undefined }
}
