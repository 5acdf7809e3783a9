import { fastifyCookie, type SerializeOptions } from '@fastify/cookie'
import type { FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import type { AuthSettings } from '../src/settings.js'

declare module 'fastify' {
  interface FastifyReply {
    /** Adds Set-Cookie lines of Kratos, byte for byte and in order. */
    forwardCookies: (lines: string[]) => FastifyReply
    /** Sets the session cookie for a token that an API flow handed out, until `expiresAt` (RFC 3339). */
    mintSessionCookie: (token: string, expiresAt: string | undefined) => FastifyReply
    /** Deletes the host-only session cookie, whoever set it. */
    expireSessionCookie: () => FastifyReply
  }
}

export interface CookiePluginOptions { settings: AuthSettings }

/**
 * Cookies on their way down. @fastify/cookie serves as serialiser only: parsing every request's cookies would decode
 * values that must stay raw (B06), and cost every protected request.
 */
export default fp<CookiePluginOptions>(async function cookie (app, { settings }) {
  function sessionCookie (reply: FastifyReply, value: string, lifetime: Pick<SerializeOptions, 'maxAge' | 'expires'>): FastifyReply {
    const secure = reply.request.ownUrl().startsWith('https:')
    // No Domain: the cookie belongs to this host alone (B26).
    const line = fastifyCookie.serialize(settings.cookieName, value, { path: '/', httpOnly: true, sameSite: 'lax', secure, ...lifetime })
    return reply.header('set-cookie', line)
  }

  app.decorateReply('forwardCookies', function (this: FastifyReply, lines: string[]) {
    for (const line of lines) this.header('set-cookie', line)
    return this
  })

  app.decorateReply('mintSessionCookie', function (this: FastifyReply, token: string, expiresAt: string | undefined) {
    const seconds = Math.floor((Date.parse(expiresAt ?? '') - Date.now()) / 1000)
    return sessionCookie(this, token, Number.isNaN(seconds) ? {} : { maxAge: Math.max(0, seconds) })
  })

  app.decorateReply('expireSessionCookie', function (this: FastifyReply) {
    return sessionCookie(this, '', { maxAge: 0, expires: new Date(0) })
  })
}, { name: 'cookie', fastify: '5.x', dependencies: ['kratos-caller'] })
