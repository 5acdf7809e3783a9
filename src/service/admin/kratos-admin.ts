import { setTimeout as sleep } from 'node:timers/promises'
import { isRecord, type JsonObject } from '../../kratos-client/kratos-body.js'

const DEADLINE_MS = 60_000
const ATTEMPTS = 4
const FIRST_PAUSE_MS = 500

/** Kratos cannot be asked, or said something that leaves open what it has: a command must not go on by guesses. */
export class KratosAwayError extends Error {
  override readonly name = 'KratosAwayError'
}

export interface AdminAnswer {
  status: number
  body: unknown
  headers: Headers
}

export interface IdentityPage {
  identities: JsonObject[]
  /** Token of the next page; undefined: this was the last one. */
  next: string | undefined
}

export interface KratosAdmin {
  /** @throws KratosAwayError */
  page: (token: string | undefined) => Promise<IdentityPage>
  /** Whether there is an identity, in Kratos' own words. @throws KratosAwayError */
  has: (id: string) => Promise<boolean>
  /** @returns undefined: there is none @throws KratosAwayError */
  byExternalId: (externalId: string) => Promise<JsonObject | undefined>
  /** Creates identities, each or none of which may fail. 400 and 409 are told, not thrown. @throws KratosAwayError */
  createAll: (identities: JsonObject[]) => Promise<AdminAnswer>
}

export interface KratosAdminOptions {
  url: string
  pageSize?: number
  signal?: AbortSignal
  firstPauseMs?: number
}

const codeOf = (body: unknown): unknown => isRecord(body) && isRecord(body['error']) ? body['error']['code'] : undefined

/** `Link: <…page_token=…>; rel="next"` (RFC 8288). */
function nextToken (headers: Headers): string | undefined {
  const next = (headers.get('link') ?? '').split(',').find((part) => part.includes('rel="next"'))
  const target = /^[^<]*<([^<>]*)>/.exec(next ?? '')?.[1]
  return target === undefined ? undefined : new URL(target, 'http://any').searchParams.get('page_token') ?? undefined
}

/** A proxy's page is no answer of Kratos; the status says what it is worth. */
function parsed (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Kratos' admin API as commands use it: patient with a Kratos that is busy, strict about what it means. */
export function createKratosAdmin (options: KratosAdminOptions): KratosAdmin {
  const { pageSize = 250, signal, firstPauseMs = FIRST_PAUSE_MS } = options
  const base = options.url.replace(/(?<!\/)\/+$/, '')

  async function once (method: string, path: string, body: unknown): Promise<AdminAnswer> {
    const init = body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { accept: 'application/json', 'content-type': 'application/json' } }
    const answer = await fetch(base + path, {
      method,
      redirect: 'manual',
      signal: AbortSignal.any([AbortSignal.timeout(DEADLINE_MS), ...(signal === undefined ? [] : [signal])]),
      ...init,
    })
    return { status: answer.status, headers: answer.headers, body: parsed(await answer.text()) }
  }

  /** Repeated while Kratos is away or busy; every request of ours may be repeated. */
  async function ask (method: string, path: string, body?: unknown): Promise<AdminAnswer> {
    let pauseMs = firstPauseMs
    for (let attempt = 1; ; attempt++) {
      const outcome = await once(method, path, body).catch((error: unknown) => error)
      const answer = outcome instanceof Error ? undefined : outcome as AdminAnswer
      if (answer !== undefined && answer.status < 500 && answer.status !== 429) return answer
      if (attempt === ATTEMPTS || signal?.aborted === true) {
        const why = answer === undefined ? 'gives no answer' : `answers ${answer.status}`
        throw new KratosAwayError(`Kratos' admin port ${why}`)
      }
      await sleep(pauseMs)
      pauseMs *= 2
    }
  }

  return {
    page: async (token) => {
      const query = new URLSearchParams({ page_size: String(pageSize) })
      if (token !== undefined) query.set('page_token', token)
      const { status, body, headers } = await ask('GET', `/admin/identities?${query}`)
      if (status !== 200 || !Array.isArray(body) || !body.every(isRecord)) {
        throw new KratosAwayError(`Kratos' list of identities is answered with ${status}, and is no list`)
      }
      return { identities: body, next: nextToken(headers) }
    },
    has: async (id) => {
      const { status, body } = await ask('GET', `/admin/identities/${encodeURIComponent(id)}`)
      if (status === 200) return true
      if (status === 404 && codeOf(body) === 404) return false
      throw new KratosAwayError(`Kratos answers ${status} when it is asked for an identity`)
    },
    byExternalId: async (externalId) => {
      const { status, body } = await ask('GET', `/admin/identities/by/external/${encodeURIComponent(externalId)}`)
      if (status === 200 && isRecord(body)) return body
      if (status === 404 && codeOf(body) === 404) return undefined
      throw new KratosAwayError(`Kratos answers ${status} when it is asked for an external id`)
    },
    createAll: async (identities) => {
      const answer = await ask('PATCH', '/admin/identities', { identities: identities.map((create) => ({ create })) })
      if ([200, 400, 409].includes(answer.status)) return answer
      throw new KratosAwayError(`Kratos answers ${answer.status} to new identities`)
    },
  }
}
