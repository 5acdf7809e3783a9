import type { FastifyInstance } from 'fastify'

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether the process is about to end: readiness says no, and every answer closes its connection (`answers.ts`). */
    lifecycle: { isDraining: boolean }
  }
}

/**
 * Notes that the service shuts down. Node would otherwise keep an idle keep-alive socket, and with it the process, for more
 * than a minute (L02).
 */
export function addLifecycle (app: FastifyInstance): void {
  app.decorate('lifecycle', { isDraining: false })
  app.addHook('preClose', async () => {
    app.lifecycle.isDraining = true
  })
}
