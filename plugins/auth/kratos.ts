import fp from 'fastify-plugin'
import { createKratosClient, type KratosClient } from '../../src/kratos-client/client.js'
import { type CallObserver, observedClient } from '../../src/kratos-client/observed-client.js'
import { isAllowedUrl, isProviderUrl } from '../../src/redirect-target.js'
import type { AuthSettings } from '../../src/settings.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** The client of the identity server: calls, credential rules and answers, without HTTP framework. */
    kratos: KratosClient
  }
}

export interface KratosPluginOptions {
  settings: AuthSettings
  /** Told of each call to Kratos. */
  onCall?: CallObserver | undefined
}

export default fp<KratosPluginOptions>(async function kratos (app, { settings, onCall }) {
  // Where Kratos may send a browser (E10): its own pages, ours, and the front ends.
  const destinations = [settings.browserUrl, settings.baseUrl, settings.frontendUrl, ...settings.origins]
    .filter((url) => url !== undefined).map((url) => new URL(url))
  const client = createKratosClient({
    publicUrl: settings.publicUrl,
    adminUrl: settings.adminUrl,
    cookieName: settings.cookieName,
    deadlines: settings.deadlines,
    isAllowedRedirect: (dangerousUrl, { viaProvider }) =>
      isAllowedUrl(dangerousUrl, destinations) ||
      (viaProvider && isProviderUrl(dangerousUrl, { ownUrl: settings.baseUrl })),
  })
  app.decorate('kratos', onCall === undefined ? client : observedClient(client, onCall))
  app.addHook('onClose', () => client.close())
}, { name: 'kratos', fastify: '5.x' })
