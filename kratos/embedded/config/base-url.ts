/** A base URL with the configured port gets the port in use instead; the base URL of a proxy stays as it is. */
export function movedBaseUrl (baseUrl: string, from: number, to: number): string {
  if (from === to || !URL.canParse(baseUrl)) return baseUrl
  const url = new URL(baseUrl)
  if (Number(url.port) !== from) return baseUrl
  url.port = String(to)
  return url.href
}
