/** Of routes as declared, never of requests' URLs: a path, or with `/*` at its end also everything below it. */
export function routePatterns (patterns: readonly string[]): (url: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith('*')))
  const below = patterns.filter((pattern) => pattern.endsWith('*')).map((pattern) => pattern.slice(0, -1))
  const bare = (url: string): string => url.length > 1 && url.endsWith('/') ? url.slice(0, -1) : url
  return (url) => exact.has(bare(url)) || below.some((start) => url.startsWith(start) || `${url}/` === start)
}
