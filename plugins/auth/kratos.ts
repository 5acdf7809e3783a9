import fp from 'fastify-plugin'
import type { Dispatcher } from 'undici'
import { createKratosClient, type KratosClient } from '../../src/kratos-client/client.js'
import { type CallObserver, observedClient } from '../../src/kratos-client/observed-client.js'
import type { PoolTimes } from '../../src/kratos-client/pools.js'
import { isAllowedUrl, isProviderUrl } from '../../src/redirect-target.js'
import { decorateByName, publicNames, type PublicNames } from '../../src/http/public-names.js'
import { type AuthSettings, returnTargets } from '../../src/settings.js'
import { networksOf } from '../../src/throttling/address.js'
import { createFailingCredentials } from '../../src/throttling/failing-credentials.js'
import { ownKratos } from '../../src/http/own-names.js'

declare module 'fastify' {
  interface FastifyInstance {
    [ownKratos]: KratosClient
    /** Calls to Kratos with their credential rules and answers, without HTTP framework. */
    kratos: KratosClient
  }
}

export interface KratosPluginOptions {
  settings: AuthSettings
  dispatcher?: Dispatcher | undefined
  names?: PublicNames | undefined
  onCall?: CallObserver | undefined
  onTimes?: PoolTimes | undefined
}

const SECOND = 1000

export default fp<KratosPluginOptions>(async function kratos (app, options) {
  const { settings, onCall, onTimes, dispatcher, names = publicNames() } = options
  // Where Kratos may send a browser (E10): its own pages, ours, the front ends and apps.
  const pages = [settings.browserUrl, settings.baseUrl].filter((url) => url !== undefined).map((url) => new URL(url))
  const destinations = [...pages, ...returnTargets(settings)]
  const client = createKratosClient({
    publicUrl: settings.publicUrl,
    adminUrl: settings.adminUrl,
    cookieName: settings.cookieName,
    deadlines: settings.deadlines,
    dispatcher: dispatcher ?? (await import('../../src/kratos-client/pool.js')).createPool,
    onTimes,
    failing: settings.throttle === false
      ? undefined
      : createFailingCredentials(settings.throttle.failingCredentials, networksOf),
    onSkew: (aheadMs) => {
      const seconds = Math.round(Math.abs(aheadMs) / SECOND)
      const text = `The clock here is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} that of Kratos`
      app.log.warn({ event: 'clock_skew', seconds: Math.round(aheadMs / SECOND) }, text)
    },
    isAllowedRedirect: (dangerousUrl, { viaProvider }) =>
      isAllowedUrl(dangerousUrl, destinations) ||
      (viaProvider && isProviderUrl(dangerousUrl, { ownUrl: settings.baseUrl })),
  })
  app.decorate(ownKratos, onCall === undefined ? client : observedClient(client, onCall))
  decorateByName(app, names.kratos, app[ownKratos])
  app.addHook('onClose', () => client.close())
}, { name: 'fastify-kratos/kratos', fastify: '5.x' })
