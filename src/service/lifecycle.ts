import type { FastifyInstance } from 'fastify'

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether the process is about to end: readiness says no, and every answer closes its connection. */
    lifecycle: { isDraining: boolean }
  }
}

/**
 * Notes that the service shuts down. Readiness says so, and answers that are still to leave close their connections:
 * those that are kept would keep the process for more than a minute (L02).
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
