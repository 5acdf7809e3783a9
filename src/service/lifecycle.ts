import type { FastifyInstance } from 'fastify'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Whether the process is about to end: readiness says no, and every answer closes its connection (`answers.ts`).
     */
    lifecycle: { isDraining: boolean }
  }
}

/**
 * Notes that the service shuts down, for readiness and for the answers that are still to leave: connections that they
 * kept would keep the process for more than a minute (L02).
 */
export function addLifecycle (app: FastifyInstance): void {
  app.decorate('lifecycle', { isDraining: false })
  app.addHook('preClose', async () => {
    app.lifecycle.isDraining = true
  })
}
