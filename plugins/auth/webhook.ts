import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { addPurgeReceiver, addWebhookReceiver, type WebhookOptions } from '../../src/webhook/receiver.js'
import type { AuthSettings } from '../../src/settings.js'
import { ownSessions, receiveIdentities, receivePurges } from '../../src/http/own-names.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Adds Kratos' webhook receiver at a path of the calling scope; without a configured webhook it adds nothing. */
    [receiveIdentities]: (scope: FastifyInstance, path: string) => void
    /** Adds the receiver of purges: an identity's sessions are asked for anew. */
    [receivePurges]: (scope: FastifyInstance, path: string) => void
  }
}

export interface WebhookPluginOptions {
  webhook: WebhookOptions | undefined
  purgeKeys?: readonly string[] | undefined
  settings: AuthSettings
}

export default fp<WebhookPluginOptions>(async function webhook (app, { webhook, purgeKeys, settings }) {
  app.decorate(receiveIdentities, (scope: FastifyInstance, path: string) => {
    if (webhook === undefined) return
    addWebhookReceiver(scope, path, {
      ...webhook,
      traits: settings.traits,
      onIdentity: async (identity, context) => {
        // A late delivery must not bring a deleted account back.
        if (app[ownSessions].isDeleted(identity.id)) return
        // Its traits may be part of what is kept of its sessions.
        app[ownSessions].invalidate({ identityId: identity.id.toLowerCase() })
        await webhook.onIdentity(identity, context)
      },
    })
  })
  app.decorate(receivePurges, (scope: FastifyInstance, path: string) => {
    if (purgeKeys === undefined) return
    const onPurge = (id: string): void => app[ownSessions].invalidate({ identityId: id })
    addPurgeReceiver(scope, path, { keys: purgeKeys, onPurge })
  })
}, { name: 'fastify-kratos/webhook', fastify: '5.x', dependencies: ['fastify-kratos/sessions'] })
