import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Type, type Static } from '@sinclair/typebox'
import { serviceError } from '../errors.js'
import { responses } from '../schemas/envelope.js'
import { createKeyCheck } from './key.js'
import { WebhookBodySchema, type WebhookIdentity } from './identity.js'

export interface WebhookReceiverOptions {
  /** Accepted keys of the `X-Webhook-Key` header, at least one; several while a key is rotated. */
  keys: readonly string[]
  /**
   * Stores what Kratos told; called again with the same identity when Kratos repeats itself, so it has to be idempotent.
   * What it throws becomes the answer, and Kratos retries a 5xx. `deliveryId` is the same for all attempts of one delivery.
   */
  onIdentity: (identity: WebhookIdentity, context: { deliveryId: string | undefined }) => Promise<void>
}

export const WEBHOOK_KEY_HEADER = 'x-webhook-key'

const looksLikeBrowser = ({ headers }: FastifyRequest): boolean =>
  headers.origin !== undefined || headers.cookie !== undefined || Object.keys(headers).some((name) => name.startsWith('sec-fetch-'))

/**
 * Adds `POST <path>` for Kratos' user-created and user-updated hooks. Kratos cannot sign, so a key header proves the
 * caller, before the body is parsed (F01), and idempotency makes repeats harmless. 200 `{"success":true}` and nothing
 * else: with `response.parse` Kratos would store what an `identity` member says (F20).
 */
export function addWebhookReceiver (app: FastifyInstance, path: string, { keys, onIdentity }: WebhookReceiverOptions): void {
  const isKnownKey = createKeyCheck(keys)

  async function checkCaller (request: FastifyRequest): Promise<void> {
    if (!isKnownKey(request.headers[WEBHOOK_KEY_HEADER])) {
      request.log.warn({ event: 'webhook_refused' }, 'Webhook without a valid key')
      throw serviceError('INVALID_WEBHOOK_KEY')
    }
    if (looksLikeBrowser(request)) throw serviceError('ORIGIN_FORBIDDEN')
  }

  const response = responses(Type.Object({ success: Type.Literal(true) }), 401, 403)
  app.post<{ Body: Static<typeof WebhookBodySchema> }>(path, {
    schema: { body: WebhookBodySchema, response },
    config: { cors: false },
    onRequest: checkCaller,
  }, async (request) => {
    const deliveryId = request.headers['ory-webhook-trigger-id']
    await onIdentity(request.body.identity, { deliveryId: typeof deliveryId === 'string' ? deliveryId : undefined })
    return { success: true as const }
  })
}
