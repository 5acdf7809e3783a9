import websocket from '@fastify/websocket'
import type { FastifyInstance } from 'fastify'
import { PassThrough } from 'node:stream'

/** What `next` of a socket says once its session has ended. */
export const ENDED = 'close 4401'

/** A socket and a stream that end with the session. */
export async function addLive (app: FastifyInstance, afterGuard = async (): Promise<void> => {}): Promise<void> {
  await app.register(websocket)
  app.addHook('preHandler', afterGuard)
  await app.register(async (scope) => {
    scope.get('/socket', { websocket: true, config: { auth: true } }, (socket, request) => {
      request.onSessionEnd(() => socket.close(4401, 'the session has ended'))
      socket.send('hello')
    })
    scope.get('/events', { config: { auth: { only: 'id' } } }, async (request, reply) => {
      const events = new PassThrough()
      request.onSessionEnd(() => events.end('event: end\ndata:\n\n'))
      events.write('data: hello\n\n')
      return reply.type('text/event-stream').send(events)
    })
    scope.get('/short', { config: { auth: true } }, async (request) => {
      request.onSessionEnd(() => {})
      return 'done'
    })
  })
}
