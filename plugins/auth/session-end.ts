import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { publicNames, type PublicNames } from '../../src/http/public-names.js'
import { answerOf, type GuardAnswer } from '../../src/http/request-auth.js'
import { isUsable } from '../../src/sessions/resolver.js'
import { kratosCredential, sessionWatch } from '../../src/http/own-names.js'

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * Calls the handler once if the session that the guard confirmed ends before the answer or the connection does:
     * by a logout, a revocation, a deletion or its own end, in any replica that the bus reaches. For WebSockets and
     * event streams. @returns takes that back, which the end of the connection does by itself
     * @throws TypeError where no guard has run
     */
    onSessionEnd: (handler: () => unknown) => () => void
  }
}

const nothing = (): void => {}

type Response = GuardAnswer['response'] & { stream?: { destroyed: boolean } }
const isOver = ({ destroyed, writableFinished, stream }: Response): boolean =>
  destroyed || writableFinished || stream?.destroyed === true

export default fp<{ names?: PublicNames | undefined }>(async function sessionEnd (app, { names = publicNames() }) {
  async function call (request: FastifyRequest, handler: () => unknown): Promise<void> {
    try {
      await handler()
    } catch (error) {
      request.log.error({ err: error }, 'A handler of onSessionEnd failed')
    }
  }

  function onSessionEnd (this: FastifyRequest, handler: () => unknown): () => void {
    const answer = answerOf(this)
    const { method, url } = this.routeOptions
    if (answer === null) {
      throw new TypeError(`fastify-kratos: onSessionEnd at ${String(method)} ${String(url)}: no guard has run there`)
    }
    const { auth, generation, response } = answer
    const credential = this[kratosCredential]()
    // A visitor's session cannot end.
    if (auth.kind === 'none' || !isUsable(credential) || isOver(response)) return nothing
    const { identityId, session } = auth
    const forget = app[sessionWatch].add({ credential, identityId, session, generation }, () => {
      stop()
      call(this, handler).catch(nothing)
    })
    function stop (): void {
      forget()
      response.removeListener('close', stop).removeListener('finish', stop)
    }
    response.once('close', stop).once('finish', stop)
    return stop
  }

  app.decorateRequest(names.onSessionEnd, onSessionEnd)
}, { name: 'fastify-kratos/session-end', fastify: '5.x', dependencies: ['fastify-kratos/sessions', 'fastify-kratos/kratos-caller'] })
