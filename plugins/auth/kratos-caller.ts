import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Caller } from '../../src/kratos-client/caller.js'
import { flowCookies } from '../../src/kratos-client/cookies.js'
import { chooseCredential, type Credential } from '../../src/kratos-client/credential.js'
import { cancelScope, RequestScope } from '../../src/kratos-client/request-scope.js'
import { traceHeaders } from '../../src/kratos-client/trace.js'
import { isOwnPageBehindTls } from '../../src/origin-guard.js'
import type { AuthSettings } from '../../src/settings.js'
import { addressOf } from '../../src/throttling/address.js'
import { kratosCaller, kratosCredential, kratosScope, ownUrl } from '../../src/http/own-names.js'

declare module 'fastify' {
  interface FastifyRequest {
    [kratosCredential]: () => Credential
    /** Shared by all calls to Kratos for this request: a deadline from the first on, an end when the client goes. */
    [kratosScope]: () => RequestScope
    [kratosCaller]: () => Caller
    /** URL under which the client reaches this API, without trailing slash; empty where the client named no host. */
    [ownUrl]: () => string
  }
}

export interface CallerPluginOptions {
  settings: AuthSettings
}

const SCOPE = Symbol('scope')
type WithScope = FastifyRequest & { [SCOPE]: RequestScope | null }

export default fp<CallerPluginOptions>(async function callerOfRequest (app, { settings }) {
  app.decorateRequest(SCOPE, null)

  app.decorateRequest(kratosCredential, function (this: FastifyRequest): Credential {
    return chooseCredential(this.headers, settings.cookieName)
  })

  app.decorateRequest(kratosScope, function (this: FastifyRequest): RequestScope {
    const request = this as WithScope
    request[SCOPE] ??= new RequestScope(performance.now(), this, traceHeaders(this.id, this.headers))
    return request[SCOPE]
  })

  app.addHook('onRequestAbort', (request, done) => {
    const scope = (request as WithScope)[SCOPE]
    if (scope !== null) cancelScope(scope)
    done()
  })

  app.decorateRequest(kratosCaller, function (this: FastifyRequest): Caller {
    return {
      credential: this[kratosCredential](),
      flowCookies: flowCookies(this.headers.cookie),
      address: addressOf(this.ip),
      userAgent: this.headers['user-agent'],
      scope: this[kratosScope](),
    }
  })

  // Without a configured URL the request's own host serves: it only goes back to the client that named it.
  app.decorateRequest(ownUrl, function (this: FastifyRequest): string {
    if (settings.baseUrl !== undefined) return settings.baseUrl
    // HTTP/1.0 without a Host: relative addresses are all that is left.
    if (this.host === '') return ''
    const isBehindTls = isOwnPageBehindTls({
      method: this.method,
      headers: this.headers,
      ownOrigin: `${this.protocol}://${this.host}`,
      isSchemeGuessed: true,
    })
    return isBehindTls ? `https://${this.host}` : `${this.protocol}://${this.host}`
  })
}, { name: 'fastify-kratos/kratos-caller', fastify: '5.x' })
