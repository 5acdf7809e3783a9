import { startEmbeddedKratos } from 'fastify-kratos/testing'
import { buildExampleApp } from './app.js'

const port = Number(process.env['PORT'] ?? 3000)

const webhookKey = 'development-webhook-key-printed-in-kratos-yml'

/** As in the kratos.yml of a real one: tells the shop of each new identity. `ctx` is what Kratos knows of it. */
const tellShop = {
  hook: 'web_hook',
  config: {
    url: `http://127.0.0.1:${port}/internal/auth/user-created`,
    method: 'POST',
    body: `base64://${btoa('function(ctx) { identity: ctx.identity }')}`,
    response: { ignore: true },
    auth: { type: 'api_key', config: { in: 'header', name: 'Authorization', value: `Bearer ${webhookKey}` } },
  },
}

// In production: the address of your Kratos. Here one runs in this process.
const kratos = await startEmbeddedKratos({
  overrides: {
    selfservice: { flows: { registration: { after: { password: { hooks: [tellShop, { hook: 'session' }] } } } } },
  },
})
const app = await buildExampleApp({
  kratosUrl: kratos.publicUrl,
  webhookKey,
  frontend: 'http://localhost:3001',
  logger: true,
})
app.addHook('onClose', () => kratos.close())

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => app.close())
await app.listen({ port })
