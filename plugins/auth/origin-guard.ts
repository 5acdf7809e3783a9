import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { serviceError } from '../../src/errors.js'
import { logSecurityEvent } from '../../src/http/security-event.js'
import {
  type GuardedRequest, isBrowserOriginTrusted, isDeliberateVisit, isOriginTrusted, isOwnPageBehindTls,
  needsOriginCheck,
} from '../../src/origin-guard.js'
import type { AuthSettings } from '../../src/settings.js'
import { guardBrowserOrigin, guardOrigin, guardVisit } from '../../src/http/own-names.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Refuses a state-changing request that a page of another origin may have sent (403 ORIGIN_FORBIDDEN). */
    [guardOrigin]: (request: FastifyRequest) => Promise<void>
    /** The same for Kratos' own forms; safe methods pass. */
    [guardBrowserOrigin]: (request: FastifyRequest) => Promise<void>
    /** Refuses a GET that nobody asked for, such as a prefetch or an image (403 ORIGIN_FORBIDDEN). */
    [guardVisit]: (request: FastifyRequest) => Promise<void>
  }
}

export interface OriginGuardOptions {
  settings: AuthSettings
}

/** It is made of the client's `Host`, which can be anything. */
function guessedOrigin ({ protocol, host }: FastifyRequest): string | undefined {
  const url = `${protocol}://${host}`
  return URL.canParse(url) ? new URL(url).origin : undefined
}

export default fp<OriginGuardOptions>(async function originGuard (app, { settings }) {
  const configured = settings.baseUrl === undefined ? undefined : new URL(settings.baseUrl).origin

  let isWarned = false
  /** A wrong scheme also makes `logout_url` http and our cookie not Secure, wherever no browser names the right one. */
  function warnOnce (request: FastifyRequest): void {
    if (isWarned || !isOwnPageBehindTls(guarded(request))) return
    isWarned = true
    request.log.warn(
      { event: 'tls_in_front', expected: request.headers.origin?.slice(0, 200) },
      'A proxy in front of this app ends TLS and nothing says so: set baseUrl of fastify-kratos, or trustProxy of Fastify',
    )
  }

  const guarded = (request: FastifyRequest): GuardedRequest => ({
    method: request.method,
    headers: request.headers,
    ownOrigin: configured ?? guessedOrigin(request),
    isSchemeGuessed: configured === undefined,
  })

  function refuse (request: FastifyRequest): never {
    logSecurityEvent(
      request,
      'origin_refused',
      { origin: request.headers.origin?.slice(0, 200), expected: guarded(request).ownOrigin?.slice(0, 200) },
      'Request of a foreign origin refused',
    )
    throw serviceError('ORIGIN_FORBIDDEN')
  }

  app.decorate(guardOrigin, async (request: FastifyRequest) => {
    warnOnce(request)
    if (!isOriginTrusted(guarded(request), settings.origins)) refuse(request)
  })

  app.decorate(guardBrowserOrigin, async (request: FastifyRequest) => {
    if (
      needsOriginCheck(request.method, request.headers) && !isBrowserOriginTrusted(guarded(request), settings.origins)
    ) refuse(request)
  })

  app.decorate(guardVisit, async (request: FastifyRequest) => {
    if (!isDeliberateVisit(guarded(request), settings.origins)) refuse(request)
  })
}, { name: 'fastify-kratos/origin-guard', fastify: '5.x' })
