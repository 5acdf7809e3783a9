import type { Reply } from './types.js'

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
export const text = (value: unknown): string | undefined => typeof value === 'string' ? value : undefined

/** Seconds; a date or nonsense counts as none. */
export function retryAfter (headers: Headers): number | undefined {
  const value = headers.get('retry-after') ?? ''
  return /^\d{1,6}$/.test(value) ? Number(value) : undefined
}

/** Undefined for a proxy's page in place of an answer of the API, and for JSON that broke off. */
export function contentOf (said: string, type: string): unknown {
  if (said === '') return {}
  try {
    return JSON.parse(said)
  } catch {
    return /html|json/i.test(type) ? undefined : said
  }
}

export const NO_REPLY: Reply = { status: 0, body: {}, content: undefined, retryAfterSeconds: undefined }
