import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Caller } from '../src/kratos-client/caller.js'
import { flowCookies } from '../src/kratos-client/cookies.js'
import { chooseCredential } from '../src/kratos-client/credential.js'
import type { AuthSettings } from '../src/settings.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks: the one credential of the request, Kratos' flow cookies, the address as we resolved it. */
    kratosCaller: () => Caller
    /** URL under which the client reaches this API, without trailing slash. */
    ownUrl: () => string
  }
}

export interface CallerPluginOptions { settings: AuthSettings }

export default fp<CallerPluginOptions>(async function kratosCaller (app, { settings }) {
  app.decorateRequest('kratosCaller', function (this: FastifyRequest): Caller {
    return {
      credential: chooseCredential(this.headers, settings.cookieName),
      flowCookies: flowCookies(this.headers.cookie),
      address: this.ip,
      userAgent: this.headers['user-agent'],
    }
  })

  // Without a configured URL the request's own host serves: it only goes back to the client that named it.
  app.decorateRequest('ownUrl', function (this: FastifyRequest): string {
    return settings.baseUrl ?? `${this.protocol}://${this.host}`
  })
}, { name: 'kratos-caller', fastify: '5.x' })
