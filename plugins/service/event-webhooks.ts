import fp from 'fastify-plugin'
import { type Config, webhookSecrets, webhookTargets } from '../../src/config.js'

/** EVENTS_WEBHOOKS: each is a subscriber like any other. */
export default fp<{ config: Config }>(async function eventWebhooks (app, { config }) {
  const urls = webhookTargets(config)
  if (urls.length === 0) return
  // Loaded here, so that a service without targets does without the library.
  const { createWebhookTarget } = await import('../../src/service/events/webhooks.js')
  for (const url of urls) {
    const { name, send, close } = createWebhookTarget({ url, secrets: webhookSecrets(config) })
    app.onEvent(name, send)
    app.addHook('onClose', close)
  }
}, { name: 'event-webhooks', fastify: '5.x', dependencies: ['subscribers'] })
