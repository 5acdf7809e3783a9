import type { IncomingMessage } from 'node:http'
import { totpCode } from './totp.js'
import type { Exchange, HeaderPair } from './types.js'

const periodMs = 30_000

/**
 * The problem with a request that should be the recorded one with the values of another run; undefined if there is
 * none.
 * @param values recorded values and those of the other run, for the whole recording
 */
export function mockRequestFault (
  exchange: Exchange,
  live: IncomingMessage,
  body: string,
  values: ReadonlyMap<string, string>,
  now: number,
): string | undefined {
  const { request } = exchange
  const expect = (text: string): string => replaceAll(text, values)
  const path = expect(request.url.replace(/^\w+:/, ''))
  if (live.method !== request.method || live.url !== path) {
    return `expected ${request.method} ${path}, got ${live.method} ${live.url}`
  }
  return headerFault(request.headers, live.rawHeaders, expect) ?? bodyFault(exchange, body, expect, values, now)
}

function headerFault (recorded: HeaderPair[], live: string[], expect: (text: string) => string): string | undefined {
  const expected = recorded.flat().map((text) => expect(text).trim()).filter((text) => !text.startsWith('<'))
  const isSame = expected.every(
    (text, index) => text === live[index] || live[index]?.length === Number(text) || /^\d+$/.test(text),
  )
  return isSame || expected.length !== live.length
    ? undefined
    : `expected headers ${expected.join(' | ')}, got ${live.join(' | ')}`
}

function bodyFault (
  { request }: Exchange,
  body: string,
  expect: (text: string) => string,
  values: ReadonlyMap<string, string>,
  now: number,
): string | undefined {
  const recorded = request.body ?? null
  if (recorded === null) return body === '' ? undefined : 'expected no body'
  if (typeof recorded === 'string' && /^<\d+ bytes/.test(recorded)) {
    return body.length === Number(/\d+/.exec(recorded)?.[0])
      ? undefined
      : `expected ${recorded}, got ${body.length} bytes`
  }
  const [expected, got] = typeof recorded === 'string'
    ? [expect(recorded), body]
    : [expect(JSON.stringify(recorded)), JSON.stringify(JSON.parse(body))]
  const code = /"totp_code":"(\d{6})"/.exec(got)?.[1]
  if (code === undefined || expected === got) return expected === got ? undefined : `expected ${expected}, got ${got}`
  const secrets = [...values.values()].filter((value) => /^[A-Z2-7]{32}$/.test(value))
  const isValid = secrets.some((secret) =>
    [-1, 0, 1].some((period) => totpCode(secret, now + period * periodMs) === code),
  )
  return isValid ? undefined : `expected a TOTP code of ${secrets.join()}, got ${code}`
}

function replaceAll (text: string, values: ReadonlyMap<string, string>): string {
  let result = text
  for (const [recorded, other] of values) {
    if (recorded.length < 10) result = result.replaceAll(new RegExp(`(?<=[="])${recorded}(?=["&]|$)`, 'g'), other)
    else result = result.replaceAll(recorded, other).replaceAll(encodeURIComponent(recorded), encodeURIComponent(other))
  }
  return result
}
