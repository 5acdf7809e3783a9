/** Whether Go's url.Parse takes the text: Kratos checks addresses with it. */
export function isGoUrl (text: string): boolean {
  // eslint-disable-next-line no-control-regex
  if (/[\x00-\x1f\x7f]/.test(text)) return false
  const [before = '', fragment = ''] = text.split(/#(.*)/s)
  if (!hasGoodEscapes(fragment) || before.startsWith(':')) return false
  const scheme = schemeOf(before)
  const rest = before.slice(scheme === undefined ? 0 : scheme.length + 1).replace(/\?.*$/s, '')
  if (!rest.startsWith('/')) {
    // "first path segment in URL cannot contain colon"; with a scheme the rest is opaque.
    return scheme !== undefined || (!/^[^/]*:/.test(rest) && hasGoodEscapes(rest))
  }
  const [, authority, path = rest] = /^\/\/([^/]*)(.*)$/s.exec(rest) ?? []
  return hasGoodEscapes(path) && (authority === undefined || isAuthority(authority))
}

/** Whether it is also absolute, as Kratos' schema wants with the format `uri`. */
export const isGoUri = (text: string): boolean => isGoUrl(text) && schemeOf(text) !== undefined

function schemeOf (text: string): string | undefined {
  const [, scheme] = /^([a-z][a-z0-9+.-]*):/i.exec(text) ?? []
  return scheme
}

const hasGoodEscapes = (text: string): boolean => !/%(?![0-9a-f]{2})/i.test(text)

function isAuthority (authority: string): boolean {
  const at = authority.lastIndexOf('@')
  const user = authority.slice(0, Math.max(0, at))
  if (at >= 0 && (!/^[\w\-.:~!$&'()*+,;=%@]*$/.test(user) || !hasGoodEscapes(user))) return false
  const [, host = '', port] = /^(\[.*\]|[^[]*?)(?::([^:\]]*))?$/s.exec(authority.slice(at + 1)) ?? []
  if (port !== undefined && !/^\d*$/.test(port)) return false
  if (authority.slice(at + 1) !== '' && host === '' && port === undefined) return false
  return !/[ \\^`{|}]/.test(host) && hasGoodEscapes(host)
}
