import { AsyncResource } from 'node:async_hooks'
import type { FastifyInstance, FastifyReply } from 'fastify'

/**
 * An answer that is made and waits to be sent, and the context of its request: what runs afterwards, such as a tracer,
 * must find it.
 */
class Answer extends AsyncResource {
  readonly #reply: FastifyReply
  readonly #done: () => void

  constructor (reply: FastifyReply, done: () => void) {
    super('fastify-kratos.answer')
    this.#reply = reply
    this.#done = done
  }

  leave (): void {
    // Only now: the service may have begun to shut down since the answer was made, and then nobody ends a connection
    // that is kept.
    if (this.#reply.server.lifecycle.isDraining) this.#reply.header('connection', 'close')
    this.runInAsyncScope(this.#send, this)
  }

  /** Node may refuse a header. Thrown by a handler that would be Fastify's to catch; here it would end the process. */
  #send (): void {
    try {
      this.#done()
    } catch (error) {
      this.#reply.send(error)
    }
  }
}

/**
 * The answers of one turn of the event loop leave together at its end. A reader on the same machine, such as a proxy,
 * is woken once for all of them; woken for each, it cost the writer as much as all the rest of a cached request. Redis
 * answers the same way (`handleClientsWithPendingWrites`), and undici writes its requests so on a used socket. Nothing
 * waits for time to pass.
 *
 * To be registered after all other hooks, so that nothing but writes is left to do. A handler that sends must do
 * nothing afterwards.
 */
export function sendAnswersTogether (app: FastifyInstance): void {
  let waiting: Answer[] = []

  function flush (): void {
    const due = waiting
    waiting = []
    for (const answer of due) answer.leave()
  }

  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (waiting.push(new Answer(reply, done)) === 1) setImmediate(flush)
  })
}
