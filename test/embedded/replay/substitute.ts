import type { Ledger } from './ledger.js'
import type { LiveRequest } from './send.js'
import { liveTotpCode } from './totp.js'
import { isJsonObject, type HeaderPair, type Json, type RecordedRequest } from './types.js'

/** Shorter values, such as codes, are replaced only where they stand alone. */
const shortestInside = 16

/** The recorded request with all known values replaced by live ones; others stay as they are. */
export function liveRequest (
  request: RecordedRequest,
  recordedTime: number,
  ledger: Ledger,
  expand: (text: string) => string,
): LiveRequest {
  const inside = (text: string): string => replaceParameters(replaceLong(text, ledger), recordedTime, ledger)
  const body = liveBody(
    request.body ?? null,
    (text) => inside(expand(text)),
    (member, value) => liveValue(member, value, recordedTime, ledger),
  )
  const headers = request.headers.map(([name, value]): HeaderPair => [name, replaceLong(expand(value), ledger)])
  return {
    method: request.method,
    path: inside(replacePageToken(request.url.replace(/^\w+:/, ''), ledger)),
    headers: withLength(headers, body),
    body,
  }
}

/** Serialised as in the recording, because web hooks see the length. */
function liveBody (
  body: Json,
  inside: (text: string) => string,
  valueOf: (member: string, value: string) => string | undefined,
): Buffer | undefined {
  if (body === null) return undefined
  if (typeof body === 'string') return Buffer.from(inside(body))
  const convert = (value: Json, member: string): string => {
    if (typeof value === 'string') return asciiJson(valueOf(member, value) ?? inside(value))
    if (Array.isArray(value)) return `[${value.map((item) => convert(item, member)).join(', ')}]`
    if (!isJsonObject(value)) return JSON.stringify(value)
    return `{${
      Object.entries(value)
        .map(([key, item]) => `${asciiJson(key)}: ${convert(item, key)}`)
        .join(', ')
    }}`
  }
  return Buffer.from(convert(body, ''))
}

const asciiJson = (text: string): string =>
  JSON.stringify(text).replaceAll(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

function withLength (headers: HeaderPair[], body: Buffer | undefined): HeaderPair[] {
  if (body === undefined) return headers
  return headers.map(([name, value]) => [name, name.toLowerCase() === 'content-length' ? String(body.length) : value])
}

function replaceLong (text: string, ledger: Ledger): string {
  let result = text
  for (const [recorded, live] of ledger.pairs()) {
    if (recorded.length < shortestInside || recorded === live) continue
    for (const encode of encodings) {
      if (result.includes(encode(recorded))) result = result.replaceAll(encode(recorded), () => encode(live))
    }
  }
  return result
}

const encodings: Array<(text: string) => string> = [(text) => text, encodeURIComponent]

/** Codes in query strings and forms. */
function replaceParameters (text: string, recordedTime: number, ledger: Ledger): string {
  return text.replaceAll(
    /(?<=(?:^|[?&])(code|totp_code|lookup_secret)=)[^&]+/g,
    (value, member: string) => liveValue(member, value, recordedTime, ledger) ?? value,
  )
}

/** A page token is a position in a list. It may look like an id with another meaning. */
function replacePageToken (url: string, ledger: Ledger): string {
  return url.replace(/(?<=[?&]page_token=)[^&]+/, (token) => ledger.toLive('page-token', token) ?? token)
}

function liveValue (member: string, value: string, recordedTime: number, ledger: Ledger): string | undefined {
  if (member === 'totp_code') return liveTotpCode(value, recordedTime, ledger)
  return ledger.toLive('code', value) ?? ledger.toLive('lookup-code', value)
}
