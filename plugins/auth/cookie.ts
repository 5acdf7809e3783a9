import { type SetCookie, stringifySetCookie } from 'cookie'
import type { FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import { cookieDomains, cookiePaths, hasDomain } from '../../src/http/cookie-domains.js'
import { holdCookies } from '../../src/http/held-cookies.js'
import { logSecurityEvent } from '../../src/http/security-event.js'
import { parseCookieHeader } from '../../src/kratos-client/cookies.js'
import { type Epoch, timeBefore } from '../../src/kratos-client/kratos-time.js'
import type { AuthSettings } from '../../src/settings.js'
import { isHttpsUrl } from '../../src/url-rules.js'
import {
  endCookieConflict,
  expireSessionCookie,
  forwardCookies,
  mintSessionCookie,
  ownUrl,
  renewSessionCookie,
} from '../../src/http/own-names.js'

declare module 'fastify' {
  interface FastifyReply {
    /** Adds Set-Cookie lines of Kratos, byte for byte and in order, to an answer that no shared cache may keep. */
    [forwardCookies]: (lines: string[]) => FastifyReply
    /** Sets the session cookie for an API flow's token, until `expiresAt` (RFC 3339) by Kratos' clock. */
    [mintSessionCookie]: (token: string, expiresAt: string | undefined, epoch: Epoch | undefined) => FastifyReply
    /** The same where the session now ends later than the cookie that the token came by. */
    [renewSessionCookie]: (token: string, expiresAt: string, epoch: Epoch | undefined) => FastifyReply
    /** Deletes the host-only session cookie, whoever set it. */
    [expireSessionCookie]: () => FastifyReply
    /** Ends a pair of different session cookies and logs it: ours stays, those of whole domains go (B01). */
    [endCookieConflict]: () => FastifyReply
  }
}

export interface CookiePluginOptions {
  settings: AuthSettings
}

/** The client chooses the text. */
const MAX_LOGGED_LENGTH = 200
const SECOND = 1000
/** A cookie that ends so much earlier than its session is set anew. */
const RENEWAL_SECONDS = 60

// No @fastify/cookie: parsing every request's cookies would decode values that must stay raw (B06), and
// cost every protected request.
export default fp<CookiePluginOptions>(async function cookie (app, { settings }) {
  const { cookieName } = settings
  /** Holds the end of a minted cookie in Unix seconds: the browser does not send a cookie's own end. */
  const expiryName = `${cookieName}_exp`
  const ofSession = `${cookieName}=`
  /** Kratos was seen to set its session cookie for a domain: then the host-only one is the foreign one. */
  let kratosHasDomain = false

  function add (
    reply: FastifyReply,
    name: string,
    value: string,
    attributes: Pick<SetCookie, 'maxAge' | 'expires' | 'domain' | 'path'>,
  ): FastifyReply {
    const secure = isHttpsUrl(reply.request[ownUrl]())
    // Without a Domain the cookie belongs to this host alone (B26).
    const line = stringifySetCookie({
      name,
      value,
      path: '/',
      httpOnly: true,
      sameSite: 'lax',
      secure,
      ...attributes,
    })
    holdCookies(reply.raw, [line])
    return reply
  }

  const expire = (reply: FastifyReply, name: string, where: Pick<SetCookie, 'domain' | 'path'> = {}) =>
    add(reply, name, '', { maxAge: 0, expires: new Date(0), ...where })

  const expiryCookie = ({ request }: FastifyReply): string | undefined =>
    parseCookieHeader(request.headers.cookie).find(({ name }) => name === expiryName)?.value

  app.decorateReply(forwardCookies, function (this: FastifyReply, lines: string[]) {
    if (!kratosHasDomain) kratosHasDomain = lines.some((line) => line.startsWith(ofSession) && hasDomain(line))
    holdCookies(this.raw, lines)
    return this
  })

  function mint (reply: FastifyReply, token: string, expiresAt: string | undefined, epoch: Epoch | undefined) {
    const expiresMs = Date.parse(expiresAt ?? '')
    const maxAge = Math.floor((expiresMs - timeBefore(expiresMs, epoch)) / SECOND)
    // A session that was just given out has not ended, whatever the clocks say.
    if (Number.isNaN(maxAge) || maxAge <= 0) return add(reply, cookieName, token, {})
    add(reply, cookieName, token, { maxAge })
    return add(reply, expiryName, String(Math.floor(expiresMs / SECOND)), { maxAge })
  }

  app.decorateReply(mintSessionCookie, function (this: FastifyReply, token, expiresAt, epoch) {
    return mint(this, token, expiresAt, epoch)
  })

  app.decorateReply(renewSessionCookie, function (this: FastifyReply, token, expiresAt, epoch) {
    const known = expiryCookie(this) ?? ''
    const end = Math.floor(Date.parse(expiresAt) / SECOND)
    const isLongEnough = /^\d{1,15}$/.test(known) && end - Number(known) <= RENEWAL_SECONDS
    return isLongEnough ? this : mint(this, token, expiresAt, epoch)
  })

  app.decorateReply(expireSessionCookie, function (this: FastifyReply) {
    expire(this, cookieName)
    return expiryCookie(this) === undefined ? this : expire(this, expiryName)
  })

  app.decorateReply(endCookieConflict, function (this: FastifyReply) {
    const { request } = this
    const domains = cookieDomains(request.hostname)
    logSecurityEvent(
      request,
      'two_session_cookies',
      { cookieDomain: (domains.at(-1) ?? request.hostname).slice(0, MAX_LOGGED_LENGTH) },
      'Two different session cookies in one request',
    )
    if (kratosHasDomain) return expire(this, cookieName)
    for (const domain of domains) {
      for (const path of cookiePaths(request.raw.url ?? '/')) expire(this, cookieName, { domain, path })
    }
    return this
  })
}, { name: 'fastify-kratos/cookie', fastify: '5.x', dependencies: ['fastify-kratos/kratos-caller'] })
