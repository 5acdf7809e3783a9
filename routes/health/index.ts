import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { serviceError } from '../../src/errors.js'
import { remembered } from '../../src/remembered.js'
import { responses, success } from '../../src/schemas/envelope.js'

/** Balancers ask every few seconds. */
const READY_MEMORY_MS = 1000

const RESPONSES = responses(success(Type.Object({ status: Type.Literal('ok') })))

const healthRoutes: FastifyPluginAsyncTypebox = async function healthRoutes (app) {
  const about = (operationId: string, summary: string) => ({ operationId, summary, tags: ['operations'] })
  app.get(
    '/alive',
    { schema: { ...about('isAlive', 'Whether the process answers'), response: RESPONSES } },
    async () => ({ success: true as const, data: { status: 'ok' as const } }),
  )

  /** Which part is missing goes to the log only: readiness is public. */
  async function lookUp (): Promise<string[]> {
    const [kratos, database] = await Promise.all([app.kratos.isReady(), app.store.ping().then(() => true, () => false)])
    return [...(kratos ? [] : ['kratos']), ...(database ? [] : ['database'])]
  }

  // Whoever asks in a loop costs Kratos and the database one look-up a second.
  const missingParts = remembered(lookUp, READY_MEMORY_MS)

  app.get('/ready', {
    schema: { ...about('isReady', 'Whether Kratos and the database can be used'), response: RESPONSES },
  }, async (request) => {
    const missing = app.lifecycle.isDraining ? ['draining'] : await missingParts()
    if (missing.length === 0) return { success: true as const, data: { status: 'ok' as const } }
    request.log.warn({ event: 'not_ready', missing }, 'Not ready')
    throw serviceError('NOT_READY')
  })
}

export default healthRoutes
