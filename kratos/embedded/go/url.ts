/** Reads URLs as Go's net/url does, because Kratos decides with it what is a URL and which host it has. */

/** A URL's parts as Go sees them. */
export interface GoUrl {
  scheme: string
  /** Only of URLs without slashes after the scheme, such as `mailto:a@b`. */
  opaque: string
  userinfo?: string
  host: string
  /** Decoded. */
  path: string
  rawPath: string
  query?: string
  fragment?: string
}

/** The text is no URL; the message is Go's. */
export class GoUrlError extends Error {}

export const badEscape = (text: string): string | undefined => {
  const at = text.search(/%(?![0-9a-f]{2})/i)
  return at === -1 ? undefined : text.slice(at, at + 3)
}

function decodedPart (text: string): string {
  const bad = badEscape(text)
  if (bad !== undefined) throw new GoUrlError(`invalid URL escape ${JSON.stringify(bad)}`)
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString())
}

function schemeOf (text: string): [scheme: string, rest: string] {
  if (text.startsWith(':')) throw new GoUrlError('missing protocol scheme')
  const [, scheme, rest] = /^([a-z][a-z0-9+.-]*):(.*)$/is.exec(text) ?? []
  return scheme === undefined || rest === undefined ? ['', text] : [scheme.toLowerCase(), rest]
}

/** Characters that a host may have unescaped; others end in an error. */
// eslint-disable-next-line no-control-regex
const HOST = /^(?:[a-zA-Z0-9\-._~!$&'()*+,;=:[\]<>"]|[^\x00-\x7f]|%[0-9a-fA-F]{2})*$/

function checkedHost (authority: string): string {
  const isBracketed = authority.startsWith('[')
  if (isBracketed && !authority.includes(']')) throw new GoUrlError("missing ']' in host")
  const [, port = ''] = (isBracketed ? /\]([^\]]*)$/ : /^[^:]*(:.*)$/s).exec(authority) ?? []
  if (port !== '' && !/^:\d*$/.test(port)) {
    throw new GoUrlError(`invalid port ${JSON.stringify(port)} after host`)
  }
  const bad = badEscape(authority)
  if (bad !== undefined) throw new GoUrlError(`invalid URL escape ${JSON.stringify(bad)}`)
  if (!HOST.test(authority)) {
    const char = [...authority].find((item) => !HOST.test(item)) ?? ''
    throw new GoUrlError(`invalid character ${JSON.stringify(char)} in host name`)
  }
  const ascii = /%[0-7][0-9a-f]/i.exec(authority)?.[0]
  if (ascii !== undefined && !isBracketed) {
    throw new GoUrlError(`invalid URL escape ${JSON.stringify(ascii)}`)
  }
  return decodedPart(authority)
}

const USERINFO = /^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/

/** @throws GoUrlError */
export function parseGoUrl (text: string): GoUrl {
  // eslint-disable-next-line no-control-regex
  if (/[\x00-\x1f\x7f]/.test(text)) throw new GoUrlError('net/url: invalid control character in URL')
  const [beforeFragment = '', fragment] = text.split(/#(.*)/s)
  if (fragment !== undefined) decodedPart(fragment)
  const [scheme, afterScheme] = schemeOf(beforeFragment)
  if (text === '*') return { scheme: '', opaque: '', host: '', path: '*', rawPath: '*' }
  const [rest = '', query] = afterScheme.split(/\?(.*)/s)
  const common = { scheme, ...(query === undefined ? {} : { query }), ...(fragment === undefined ? {} : { fragment }) }
  if (!rest.startsWith('/')) {
    if (scheme !== '') return { ...common, opaque: rest, host: '', path: '', rawPath: '' }
    if ((rest.split('/')[0] ?? '').includes(':')) throw new GoUrlError('first path segment in URL cannot contain colon')
  }
  const hasAuthority = rest.startsWith('//') && (scheme !== '' || !rest.startsWith('///'))
  const [, authority = '', rawPath = ''] = hasAuthority ? /^\/\/([^/]*)(.*)$/s.exec(rest) ?? [] : ['', '', rest]
  const at = authority.lastIndexOf('@')
  const userinfo = at === -1 ? undefined : authority.slice(0, at)
  const host = checkedHost(authority.slice(at + 1))
  if (userinfo !== undefined && !USERINFO.test(userinfo)) throw new GoUrlError('net/url: invalid userinfo')
  if (userinfo !== undefined) decodedPart(userinfo)
  return { ...common, opaque: '', ...(userinfo === undefined ? {} : { userinfo }), host, path: decodedPart(rawPath), rawPath }
}

/** Whether Go can parse the text, and finds a scheme if one is needed. */
export function isGoUrl (text: string, { isAbsolute = false } = {}): boolean {
  try {
    return parseGoUrl(text).scheme !== '' || !isAbsolute
  } catch (error) {
    if (error instanceof GoUrlError) return false
    throw error
  }
}

const encoded = (text: string, allowed: RegExp): string =>
  [...text].map((char) => allowed.test(char)
    ? char
    : [...Buffer.from(char)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')).join('')

const PATH_CHAR = /[A-Za-z0-9\-._~$&+,/:;=@]/
const FRAGMENT_CHAR = /[A-Za-z0-9\-._~$&+,/:;=?@!()*]/
const HOST_CHAR = /[A-Za-z0-9\-._~!$&'()*+,;=:[\]<>"]/
const VALID_PATH = /^[A-Za-z0-9\-._~$&+,/:;=@!'()*[\]%]*$/

/** The URL as Go prints it: what was written validly stays as it is. */
export function goUrlText ({ scheme, opaque, userinfo, host, path, rawPath, query, fragment }: GoUrl): string {
  const start = scheme === '' ? '' : `${scheme}:`
  const end = `${query === undefined ? '' : `?${query}`}${
    fragment === undefined || fragment === '' ? '' : `#${encoded(decodedPart(fragment), FRAGMENT_CHAR)}`
  }`
  if (opaque !== '') return `${start}${opaque}${end}`
  const authority = host === '' && userinfo === undefined
    ? ''
    : `${userinfo === undefined ? '' : `${userinfo}@`}${encoded(host, HOST_CHAR)}`
  const shown = VALID_PATH.test(rawPath) ? rawPath : encoded(path, PATH_CHAR)
  const slashes = scheme !== '' || authority !== '' ? (authority !== '' || path !== '' ? '//' : '') : ''
  return `${start}${slashes}${authority}${host !== '' && shown !== '' && !shown.startsWith('/') ? '/' : ''}${shown}${end}`
}
