import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { type Config, webhookKeys } from '../../src/config.js'
import type { WebhookOutcome } from '../../src/service/metrics/metrics.js'
import { userOf } from '../../src/profile.js'
import { addPurgeReceiver, addWebhookReceiver } from '../../src/webhook/receiver.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Adds Kratos' webhook receiver at a path of the calling scope; it keeps the users table in step. */
    receiveIdentities: (scope: FastifyInstance, path: string) => void
    /** Adds the receiver of purges: an identity's sessions are asked for anew. */
    receivePurges: (scope: FastifyInstance, path: string) => void
  }
}

export interface WebhookPluginOptions {
  config: Config
}

function outcomeOf (status: number): WebhookOutcome {
  if (status < 400) return 'accepted'
  if (status === 401 || status === 403) return 'refused'
  return status < 500 ? 'invalid' : 'failed'
}

export default fp<WebhookPluginOptions>(async function webhook (app, { config }) {
  const keys = webhookKeys(config)
  app.decorate('receiveIdentities', (scope: FastifyInstance, path: string) => {
    addWebhookReceiver(scope, path, {
      keys,
      onIdentity: async (identity) => {
        // Its traits may be part of what is kept of its sessions.
        app.sessions.invalidate({ identityId: identity.id.toLowerCase() })
        await app.store.users.upsert(userOf(identity))
      },
    })
    scope.addHook('onResponse', (_request, reply, done) => {
      app.metrics.recordWebhook(outcomeOf(reply.statusCode))
      done()
    })
  })
  app.decorate('receivePurges', (scope: FastifyInstance, path: string) =>
    addPurgeReceiver(scope, path, {
      keys,
      onPurge: (id) => app.sessions.invalidate({ identityId: id }),
    }))
}, { name: 'webhook', fastify: '5.x', dependencies: ['sessions', 'store', 'metrics'] })
