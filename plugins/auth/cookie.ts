import { isIP } from 'node:net'
import { fastifyCookie, type SerializeOptions } from '@fastify/cookie'
import type { FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import { logSecurityEvent } from '../../src/http/security-event.js'
import type { AuthSettings } from '../../src/settings.js'
import { isHttpsUrl } from '../../src/url-rules.js'
import {
  endCookieConflict,
  expireSessionCookie,
  forwardCookies,
  mintSessionCookie,
  ownUrl,
} from '../../src/http/own-names.js'

declare module 'fastify' {
  interface FastifyReply {
    /** Adds Set-Cookie lines of Kratos, byte for byte and in order. */
    [forwardCookies]: (lines: string[]) => FastifyReply
    /** Sets the session cookie for a token that an API flow handed out, until `expiresAt` (RFC 3339). */
    [mintSessionCookie]: (token: string, expiresAt: string | undefined) => FastifyReply
    /** Deletes the host-only session cookie, whoever set it. */
    [expireSessionCookie]: () => FastifyReply
    /** The same for a request with two different session cookies, which an operator has to hear of (B01). */
    [endCookieConflict]: () => FastifyReply
  }
}

export interface CookiePluginOptions {
  settings: AuthSettings
}

/** Of a client's own words, as much as helps. */
const MAX_LOGGED_LENGTH = 200

/** Parent domain of a host: where a second session cookie usually comes from. */
const likelyCookieDomain = (hostname: string): string =>
  isIP(hostname) > 0 ? hostname : hostname.split('.').slice(-2).join('.')

/**
 * Cookies on their way down. @fastify/cookie serves as serialiser only: parsing every request's cookies would decode
 * values that must stay raw (B06), and cost every protected request.
 */
export default fp<CookiePluginOptions>(async function cookie (app, { settings }) {
  function sessionCookie (
    reply: FastifyReply,
    value: string,
    lifetime: Pick<SerializeOptions, 'maxAge' | 'expires'>,
  ): FastifyReply {
    const secure = isHttpsUrl(reply.request[ownUrl]())
    // No Domain: the cookie belongs to this host alone (B26).
    const line = fastifyCookie.serialize(settings.cookieName, value, {
      path: '/',
      httpOnly: true,
      sameSite: 'lax',
      secure,
      ...lifetime,
    })
    return reply.header('set-cookie', line)
  }

  app.decorateReply(forwardCookies, function (this: FastifyReply, lines: string[]) {
    for (const line of lines) this.header('set-cookie', line)
    return this
  })

  app.decorateReply(mintSessionCookie, function (this: FastifyReply, token: string, expiresAt: string | undefined) {
    const seconds = Math.floor((Date.parse(expiresAt ?? '') - Date.now()) / 1000)
    return sessionCookie(this, token, Number.isNaN(seconds) ? {} : { maxAge: Math.max(0, seconds) })
  })

  app.decorateReply(expireSessionCookie, function (this: FastifyReply) {
    return sessionCookie(this, '', { maxAge: 0, expires: new Date(0) })
  })

  app.decorateReply(endCookieConflict, function (this: FastifyReply) {
    const cookieDomain = likelyCookieDomain(this.request.hostname).slice(0, MAX_LOGGED_LENGTH)
    logSecurityEvent(
      this.request,
      'two_session_cookies',
      { cookieDomain },
      'Two different session cookies in one request',
    )
    return this[expireSessionCookie]()
  })
}, { name: 'cookie', fastify: '5.x', dependencies: ['kratos-caller'] })
