import fp from 'fastify-plugin'
import type { Config } from '../../src/config.js'
import type { AuthSettings } from '../../src/settings.js'

export interface OpenapiPluginOptions {
  config: Config
  settings: AuthSettings
}

/** Routes are loaded after the plugins; `routes/openapi.json` serves the document. */
export default fp<OpenapiPluginOptions>(async function openapi (app, { config, settings }) {
  if (!config.DOCS) return
  // Loaded here, so that a service without documentation starts without it.
  const [{ default: swagger }, { openapiOptions }] = await Promise.all([
    import('@fastify/swagger'),
    import('../../src/service/openapi/document.js'),
  ])
  await app.register(swagger, openapiOptions(settings))
}, { name: 'openapi', fastify: '5.x' })
