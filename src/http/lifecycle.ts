import type { FastifyInstance } from 'fastify'

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether the process is about to end: readiness says no, connections are not kept. */
    lifecycle: { isDraining: boolean }
  }
}

/**
 * While the service shuts down, every answer closes its connection: Node would otherwise keep an idle keep-alive socket,
 * and with it the process, for more than a minute (L02).
 */
export function addLifecycle (app: FastifyInstance): void {
  app.decorate('lifecycle', { isDraining: false })
  app.addHook('preClose', async () => {
    app.lifecycle.isDraining = true
  })
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (app.lifecycle.isDraining) reply.header('connection', 'close')
    done()
  })
}
