import type { FastifyInstance } from 'fastify'
import { serviceError } from '../errors.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Draining: readiness says no, and every answer closes its connection. Closing: new requests are refused. */
    lifecycle: { isDraining: boolean, isClosing: boolean }
  }
}

/** Connections that are kept would keep the process for more than a minute (L02). */
export function addLifecycle (app: FastifyInstance): void {
  app.decorate('lifecycle', { isDraining: false, isClosing: false })
  app.addHook('preClose', async () => {
    app.lifecycle.isDraining = true
    app.lifecycle.isClosing = true
  })
  // What comes on a connection that is still busy: the parts that it needs are about to be closed.
  app.addHook('onRequest', (_request, _reply, done) => {
    done(app.lifecycle.isClosing ? serviceError('NOT_READY') : undefined)
  })
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (app.lifecycle.isDraining) reply.header('connection', 'close')
    done()
  })
}
