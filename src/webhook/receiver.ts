import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Type, type Static } from '@sinclair/typebox'
import { serviceError } from '../errors.js'
import { publicError } from '../http/error-handler.js'
import { ownErrorHandler } from '../http/own-routes.js'
import { logSecurityEvent } from '../http/security-event.js'
import { about } from '../schemas/about.js'
import { responses } from '../schemas/envelope.js'
import { UuidSchema } from '../schemas/flow.js'
import { createWebhookKeyCheck } from './key.js'
import { bodyFault, createAdvice, faultyFields } from './advice.js'
import { type WebhookBody, type WebhookIdentity, webhookBodySchema } from './identity.js'
import type { TraitPointers } from '../kratos-client/traits.js'

/** `refused`: for its key or origin; `failed`: valid and not stored. */
export const WEBHOOK_OUTCOMES = ['accepted', 'refused', 'invalid', 'failed'] as const
export type WebhookOutcome = typeof WEBHOOK_OUTCOMES[number]

export interface WebhookOptions {
  /** Keys of `Authorization: Bearer <key>` or `X-Webhook-Key`, at least one; several while a key is rotated. */
  keys: readonly string[]
  /**
   * Stores what Kratos told. Has to be idempotent, because Kratos repeats itself. What it throws becomes the answer,
   * and Kratos retries a 5xx. `deliveryId` is the same for all attempts of one delivery, `requestId` is of this one.
   */
  onIdentity: (
    identity: WebhookIdentity,
    context: { deliveryId: string | undefined, requestId: string },
  ) => Promise<void>
  /** Told how each delivery ended. */
  onOutcome?: ((outcome: WebhookOutcome) => void) | undefined
}

function outcomeOf (status: number): WebhookOutcome {
  if (status < 400) return 'accepted'
  if (status === 401 || status === 403) return 'refused'
  return status < 500 ? 'invalid' : 'failed'
}

/** A server's own `fetch` says `Sec-Fetch-Mode: cors` too; a browser never says that alone. */
const isServersFetch = (name: string, value: unknown): boolean => name === 'sec-fetch-mode' && value === 'cors'

const looksLikeBrowser = ({ headers }: FastifyRequest): boolean =>
  headers.origin !== undefined || headers.cookie !== undefined ||
  Object.entries(headers).some(([name, value]) => name.startsWith('sec-fetch-') && !isServersFetch(name, value))

/** `/internal/auth/user-created` → `receiveUserCreated`. */
const operationIdOf = (path: string): string =>
  `receive${path.split('/').findLast((part) => part !== '')?.replaceAll(/(?:^|\W)(\w)/g, (_, first: string) => first.toUpperCase())}`

/** The key first, before the body is parsed (F01); then nothing that looks like a browser. @throws ServiceError */
function createCallerCheck (keys: readonly string[]): (request: FastifyRequest) => Promise<void> {
  const faultOf = createWebhookKeyCheck(keys)
  const advise = createAdvice()
  return async function checkCaller (request) {
    const fault = faultOf(request.headers)
    if (fault !== undefined) {
      logSecurityEvent(request, 'webhook_refused', { code: 'INVALID_WEBHOOK_KEY' }, 'Webhook without a valid key')
      advise(request.log, fault)
      throw serviceError('INVALID_WEBHOOK_KEY')
    }
    if (!looksLikeBrowser(request)) return
    logSecurityEvent(
      request,
      'webhook_refused',
      { code: 'ORIGIN_FORBIDDEN' },
      'Webhook that a browser seems to have sent',
    )
    throw serviceError('ORIGIN_FORBIDDEN')
  }
}

/** Nothing for pages, and no guard may take the key for a session's token. */
const OWN_KEY = { cors: false, auth: false } as const

const RESPONSE = responses(Type.Object({ success: Type.Literal(true) }), 401, 403)

/**
 * Adds `POST <path>` for Kratos' user-created and user-updated hooks. Kratos cannot sign, so a key proves the caller.
 * 200 `{"success":true}` and nothing else: with `response.parse` Kratos would store an `identity` member (F20).
 */
export function addWebhookReceiver (
  app: FastifyInstance,
  path: string,
  { keys, onIdentity, onOutcome = () => {}, traits }: WebhookOptions & { traits: TraitPointers },
): void {
  const described = about.webhook(operationIdOf(app.prefix + path), 'Takes a new or changed identity from Kratos')
  const advise = createAdvice()
  app.post<{ Body: WebhookBody }>(path, {
    schema: { ...described, body: webhookBodySchema(traits), response: RESPONSE },
    config: OWN_KEY,
    onRequest: createCallerCheck(keys),
    // Only logs; the scope's error handler answers.
    errorHandler: ownErrorHandler((error, request) => {
      const fault = bodyFault(error, request.body)
      if (fault !== undefined) advise(request.log, fault, { fields: faultyFields(error) })
      // Thrown again it reaches that handler only as an error; anything else would be sent as it is.
      throw error instanceof Error ? error : publicError(error)
    }),
    onResponse: async (_request, reply) => onOutcome(outcomeOf(reply.statusCode)),
  }, async (request) => {
    const deliveryId = request.headers['ory-webhook-trigger-id']
    await onIdentity(request.body.identity, {
      deliveryId: typeof deliveryId === 'string' ? deliveryId : undefined,
      requestId: request.id,
    })
    return { success: true as const }
  })
}

const PurgeBodySchema = Type.Object({ identity_id: UuidSchema }, { additionalProperties: true })

/** Adds `POST <path>` with `{identity_id}` for operators and other services: its sessions are asked for anew. */
export function addPurgeReceiver (
  app: FastifyInstance,
  path: string,
  { keys, onPurge }: { keys: readonly string[], onPurge: (identityId: string) => void },
): void {
  const described = about.webhook('purgeSessions', "Forgets what is kept of an identity's sessions")
  app.post<{ Body: Static<typeof PurgeBodySchema> }>(path, {
    schema: { ...described, body: PurgeBodySchema, response: RESPONSE },
    config: OWN_KEY,
    onRequest: createCallerCheck(keys),
  }, async (request) => {
    onPurge(request.body.identity_id.toLowerCase())
    return { success: true as const }
  })
}
