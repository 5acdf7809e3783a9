import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { serviceError } from '../../src/errors.js'
import { responses, success } from '../../src/schemas/envelope.js'

const RESPONSES = responses(success(Type.Object({ status: Type.Literal('ok') })))

const healthRoutes: FastifyPluginAsyncTypebox = async function healthRoutes (app) {
  const about = (operationId: string, summary: string) => ({ operationId, summary, tags: ['operations'] })
  app.get(
    '/alive',
    { schema: { ...about('isAlive', 'Whether the process answers'), response: RESPONSES } },
    async () => ({ success: true as const, data: { status: 'ok' as const } }),
  )

  /** Which part is missing goes to the log only: readiness is public. */
  async function missingParts (): Promise<string[]> {
    if (app.lifecycle.isDraining) return ['draining']
    const [kratos, database] = await Promise.all([app.kratos.isReady(), app.store.ping().then(() => true, () => false)])
    return [...(kratos ? [] : ['kratos']), ...(database ? [] : ['database'])]
  }

  app.get('/ready', {
    schema: { ...about('isReady', 'Whether Kratos and the database can be used'), response: RESPONSES },
  }, async (request) => {
    const missing = await missingParts()
    if (missing.length === 0) return { success: true as const, data: { status: 'ok' as const } }
    request.log.warn({ event: 'not_ready', missing }, 'Not ready')
    throw serviceError('NOT_READY')
  })
}

export default healthRoutes
