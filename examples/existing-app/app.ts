import cookie from '@fastify/cookie'
import cors from '@fastify/cors'
import Fastify, { type FastifyError, type FastifyInstance, type FastifyRequest } from 'fastify'
import fastifyKratos, { type KratosIdentity, type WebhookIdentity } from 'fastify-kratos'

declare module 'fastify-kratos' {
  /** What this app's identity schema holds: it types `request.kratosSession.identity.traits`. */
  interface KratosTraits {
    email: string
    first_name?: string
  }
}

export interface ExampleOptions {
  /** Kratos' public port as this process reaches it. */
  kratosUrl: string
  /** What Kratos sends as `X-Webhook-Key`, at least 32 bytes. */
  webhookKey: string
  /** Origin of the app's own pages, which are served on another port. */
  frontend: string
  logger?: boolean
}

const WELCOME_POINTS = 100

/** The app as it was before: CORS, cookies, an error handler and routes of its own. */
async function buildShop ({ frontend, logger = false }: ExampleOptions): Promise<FastifyInstance> {
  const app = Fastify({ logger })
  await app.register(cors, { origin: [frontend], credentials: true })
  await app.register(cookie)

  // What the guard throws comes here too, with `statusCode` and `code` set; the auth routes answer for themselves.
  app.setErrorHandler(async (error: FastifyError, request, reply) => {
    const status = error.statusCode ?? 500
    if (status >= 500) request.log.error(error)
    return reply.code(status).send({ shop: 'sorry', code: error.code, message: error.message })
  })

  app.get('/products', async () => ({ products: ['bread', 'butter'] }))
  app.post('/basket', async (request, reply) => {
    const items = [...(request.cookies['basket']?.split(' ') ?? []), 'bread']
    return reply.setCookie('basket', items.join(' '), { path: '/' }).send({ items })
  })
  return app
}

/** Whose request it is; only for handlers behind `app.authenticate`. */
function customer ({ kratosSession }: FastifyRequest): KratosIdentity {
  if (kratosSession === null) throw new Error('this route has no guard')
  return kratosSession.identity
}

/** The app with `fastify-kratos`: log-in under /auth, guarded routes, and points for everyone who signs up. */
export async function buildExampleApp (options: ExampleOptions): Promise<FastifyInstance> {
  const app = await buildShop(options)
  const points = new Map<string, number>()

  /** Kratos may tell twice of the same identity, so telling again must change nothing. */
  async function onIdentity ({ id }: WebhookIdentity): Promise<void> {
    if (!points.has(id)) points.set(id, WELCOME_POINTS)
  }

  await app.register(fastifyKratos, {
    publicUrl: options.kratosUrl,
    origins: [options.frontend],
    routes: { prefix: '/auth' },
    webhook: { keys: [options.webhookKey], onIdentity },
  })

  app.get('/orders', { onRequest: app.authenticate }, async (request) => {
    const { id, traits } = customer(request)
    return { customer: traits.email, points: points.get(id) ?? 0, orders: [] }
  })

  app.get('/greeting', { onRequest: app.authenticateOptional }, async ({ kratosSession }) => {
    const name = kratosSession === null
      ? 'stranger'
      : kratosSession.identity.traits.first_name ?? kratosSession.identity.traits.email
    return { greeting: `Hello ${name}` }
  })
  return app
}
