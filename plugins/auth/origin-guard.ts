import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { serviceError } from '../../src/errors.js'
import { logSecurityEvent } from '../../src/http/security-event.js'
import {
  type GuardedRequest, isBrowserOriginTrusted, isDeliberateVisit, isOriginTrusted,
  needsOriginCheck,
} from '../../src/origin-guard.js'
import type { AuthSettings } from '../../src/settings.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Hook: refuses a state-changing request that a page of another origin may have sent (403 ORIGIN_FORBIDDEN). */
    guardOrigin: (request: FastifyRequest) => Promise<void>
    /** Hook: the same for Kratos' own forms; safe methods pass. */
    guardBrowserOrigin: (request: FastifyRequest) => Promise<void>
    /** Hook: refuses a GET that nobody asked for, such as a prefetch or an image (403 ORIGIN_FORBIDDEN). */
    guardVisit: (request: FastifyRequest) => Promise<void>
  }
}

export interface OriginGuardOptions {
  settings: AuthSettings
}

export default fp<OriginGuardOptions>(async function originGuard (app, { settings }) {
  const configured = settings.baseUrl === undefined ? undefined : new URL(settings.baseUrl).origin

  /** Without a configured URL it is made of the client's `Host`, which can be anything. */
  function originOf (ownUrl: string): string | undefined {
    return URL.canParse(ownUrl) ? new URL(ownUrl).origin : undefined
  }

  const guarded = (request: FastifyRequest): GuardedRequest => ({
    method: request.method,
    headers: request.headers,
    ownOrigin: configured ?? originOf(request.ownUrl()),
  })

  function refuse (request: FastifyRequest): never {
    logSecurityEvent(
      request,
      'origin_refused',
      { origin: request.headers.origin?.slice(0, 200) },
      'Request of a foreign origin refused',
    )
    throw serviceError('ORIGIN_FORBIDDEN')
  }

  app.decorate('guardOrigin', async (request: FastifyRequest) => {
    if (!isOriginTrusted(guarded(request), settings.origins)) refuse(request)
  })

  app.decorate('guardBrowserOrigin', async (request: FastifyRequest) => {
    if (
      needsOriginCheck(request.method, request.headers) && !isBrowserOriginTrusted(guarded(request), settings.origins)
    ) refuse(request)
  })

  app.decorate('guardVisit', async (request: FastifyRequest) => {
    if (!isDeliberateVisit(guarded(request), settings.origins)) refuse(request)
  })
}, { name: 'origin-guard', fastify: '5.x', dependencies: ['kratos-caller'] })
