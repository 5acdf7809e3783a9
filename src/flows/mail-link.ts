import { isUuid } from '../patterns.js'

/** Where the links of mails lead. */
export const MAIL_LINK_PATHS = ['/self-service/verification', '/self-service/recovery'] as const

/** The link of a mail: a flow, and the code or token that proves who reads it. */
export interface MailLink {
  flow: string
  /** Kratos' path, made anew of what a link may hold. */
  path: string
  code: string | undefined
}

const SECRET = /^[A-Za-z0-9_-]{1,256}$/
const SECRETS = ['code', 'token'] as const

/** Reads a URL below Kratos' own path as the link of a mail; undefined for everything else. */
export function readMailLink (url: string): MailLink | undefined {
  const [path = '', search = ''] = url.split('?')
  const query = new URLSearchParams(search)
  const flow = query.get('flow') ?? ''
  const found = SECRETS.find((name) => SECRET.test(query.get(name) ?? ''))
  if (!(MAIL_LINK_PATHS as readonly string[]).includes(path) || !isUuid(flow) || found === undefined) return undefined
  const secret = query.get(found) ?? ''
  return { flow, path: `${path}?flow=${flow}&${found}=${secret}`, code: found === 'code' ? secret : undefined }
}

/**
 * The front end's page with the code, which Kratos writes into its own form only. Another flow than the link's, such as
 * settings after a recovery or one in place of an expired one, has no use for it.
 */
export function withCode (location: string, { flow, code }: MailLink): string {
  if (code === undefined || !URL.canParse(location)) return location
  const url = new URL(location)
  if (url.searchParams.get('flow') !== flow || url.searchParams.has('code')) return location
  url.searchParams.set('code', code)
  return url.href
}
