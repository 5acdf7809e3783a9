import type { FastifyInstance } from 'fastify'
import { isTrustedBy } from './proxy-range.js'

/**
 * Tells once that a proxy seems to be in front which nobody named: all clients then share its address and its login
 * budget. Anybody may send the header, so it is a hint and no more.
 */
export function adviseOnProxies (app: FastifyInstance, proxies: readonly string[]): void {
  const isTrusted = isTrustedBy(proxies)
  let isReported = false
  app.addHook('onRequest', (request, _reply, done) => {
    if (!isReported && request.headers['x-forwarded-for'] !== undefined && !isTrusted(request.socket.remoteAddress ?? '')) {
      isReported = true
      request.log.warn(
        { event: 'proxy_not_trusted' },
        'X-Forwarded-For comes from an address that TRUST_PROXY does not name: if that is a proxy of yours, all its clients share one login budget',
      )
    }
    done()
  })
}
