import type { FastifyInstance, FastifyReply } from 'fastify'
import { atEndOfTurn } from '../end-of-turn.js'

interface Answer { reply: FastifyReply, done: () => void }

/** Node may refuse a header. Thrown by a handler that would be Fastify's to catch; here it would end the process. */
function send ({ reply, done }: Answer): void {
  try {
    done()
  } catch (error) {
    reply.send(error)
  }
}

/**
 * The answers of one turn of the event loop leave together: a busy service answers twice as many requests that way.
 * To be registered after all other hooks, so that nothing but writes is left to do.
 */
export function sendAnswersTogether (app: FastifyInstance): void {
  const later = atEndOfTurn(send)
  app.addHook('onSend', (_request, reply, _payload, done) => later({ reply, done }))
}
