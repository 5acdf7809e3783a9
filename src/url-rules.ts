import { isLoopback } from './patterns.js'

/** Without credentials, query or fragment: what may name a server in a configuration (D06). */
export function isHttpUrl (text: string): boolean {
  if (!/^https?:\/\//i.test(text) || /[?#]/.test(text) || !URL.canParse(text)) return false
  const { username, password } = new URL(text)
  return username === '' && password === ''
}

/** A scheme counts in any case of letters (RFC 3986, section 3.1). */
export const isHttpsUrl = (url: string): boolean => /^https:/i.test(url)

/** May have a query, which may hold a token; in the clear only where nobody else can listen. */
export function isWebhookTarget (text: string): boolean {
  if (!/^https?:\/\//i.test(text) || text.includes('#') || !URL.canParse(text)) return false
  const url = new URL(text)
  return url.username === '' && url.password === '' && (url.protocol === 'https:' || isLoopback(url))
}

/** Exactly as browsers send it: scheme, host and port, lower case, nothing behind (C02). */
export const isOrigin = (text: string): boolean =>
  isHttpUrl(text) && new URL(text).origin === text && !text.includes('*')
