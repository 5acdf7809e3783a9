import { startEmbeddedKratos } from 'fastify-kratos/testing'
import { buildExampleApp } from './app.js'

const port = Number(process.env['PORT'] ?? 3000)

// In production: the address of your Kratos. Here one runs in this process; by its kratos.yml it reports every new
// identity to port 3000, with the key below.
const kratos = await startEmbeddedKratos()
const app = await buildExampleApp({
  kratosUrl: kratos.publicUrl,
  webhookKey: 'development-webhook-key-printed-in-kratos-yml',
  frontend: 'http://localhost:3001',
  logger: true,
})
app.addHook('onClose', () => kratos.close())

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => app.close())
await app.listen({ port })
