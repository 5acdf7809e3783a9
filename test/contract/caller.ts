import { request } from 'undici'
import type { Exchanged } from '../embedded/schema/described.js'
import type { Json } from '../embedded/replay/types.js'
import type { TargetKratos } from '../support/target.js'

export interface Reply {
  status: number
  /** Names in lower case. */
  headers: Record<string, string | string[] | undefined>
  setCookie: string[]
  /** Parsed where it is JSON, `{}` where there is none, else the text. */
  body: any
}

export interface Asking {
  headers?: Record<string, string>
  /** Sent as JSON. */
  json?: unknown
  port?: 'public' | 'admin'
}

/**
 * Sends exactly what it is told: no cookie jar, no redirect followed. JSON is asked for unless `accept` says otherwise.
 */
export type Ask = (
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD',
  path: string,
  options?: Asking,
) => Promise<Reply>

/** What a part of the contract is given. */
export interface Contract {
  kratos: TargetKratos
  ask: Ask
  /** Gets all that is asked and answered. */
  exchanges: Exchanged[]
}

/** @param exchanges gets all that is asked and answered */
export function createCaller (kratos: TargetKratos, exchanges: Exchanged[]): Ask {
  return async (method, path, { headers = {}, json, port = 'public' } = {}) => {
    const body = json === undefined ? null : typeof json === 'string' ? json : JSON.stringify(json)
    const type = json === undefined ? {} : { 'content-type': 'application/json' }
    const answer = await request(`${port === 'admin' ? kratos.adminUrl : kratos.publicUrl}${path}`, {
      method,
      headers: { accept: 'application/json', ...type, ...headers },
      body,
    })
    const text = await answer.body.text()
    const isJson = String(answer.headers['content-type'] ?? '').startsWith('application/json')
    const parsed = text === '' ? undefined : isJson ? parse(text) : text
    const lines = Object.entries(answer.headers).flatMap(([name, value]) =>
      [value ?? []].flat().map((line): [string, string] => [name, line]),
    )
    exchanges.push([{ method, url: `${port}:${path}` }, {
      status: answer.statusCode,
      headers: lines,
      body: parsed ?? null,
    }])
    return {
      status: answer.statusCode,
      headers: answer.headers,
      setCookie: [answer.headers['set-cookie'] ?? []].flat(),
      body: parsed ?? {},
    }
  }
}

/**
 * A failing hook makes Kratos write two documents into one body (docs/kratos-facts.md, section 17): such a body stays
 * text.
 */
function parse (text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    return text
  }
}

/** A `Cookie` header with what these answers left standing. */
export function cookiesOf (...replies: Reply[]): string {
  const jar = new Map<string, string>()
  for (const line of replies.flatMap(({ setCookie }) => setCookie)) {
    const [pair = ''] = line.split(';')
    const name = pair.slice(0, pair.indexOf('='))
    if (/max-age=0(;|$)/i.test(line)) jar.delete(name)
    else jar.set(name, pair.slice(name.length + 1))
  }
  return [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
}

/** Names of the cookies that an answer sets, in order; the CSRF cookie without the hash in its name. */
export const cookieNames = ({ setCookie }: Reply): string[] =>
  setCookie.map((line) => line.slice(0, line.indexOf('=')).replace(/^csrf_token_[0-9a-f]{64}$/, 'csrf_token'))
