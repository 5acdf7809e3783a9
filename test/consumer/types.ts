import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyRequest } from 'fastify'
import fastifyKratos, {
  type AuthRequirement,
  DEFAULT_PREFIX,
  type ErrorCode,
  type FastifyKratosOptions,
  type KratosClient,
  type KratosSession,
  type SessionOutcome,
  sessionOf,
  type WebhookIdentity,
} from 'fastify-kratos'
import { type PostgresBus, postgresBus } from 'fastify-kratos/postgres-bus'
import {
  type Clock, type EmbeddedKratos, type EmbeddedKratosOptions,
  startEmbeddedKratos,
} from 'fastify-kratos/testing'
// Declares the traits.
import './app.js'

// What the package promises to a program that is compiled against it; a line that should be refused says so.

export const options: FastifyKratosOptions = {
  publicUrl: 'http://127.0.0.1:4433',
  // As an environment has them.
  baseUrl: process.env['BASE_URL'],
  proxy: { path: process.env['PROXY_PATH'] },
  routes: { prefix: DEFAULT_PREFIX },
  webhook: {
    keys: ['x'.repeat(32)],
    onIdentity: async (_identity: WebhookIdentity, { deliveryId }) => {
      deliveryId?.toLowerCase()
    },
  },
}

export async function use (): Promise<void> {
  const app = Fastify()
  await app.register(fastifyKratos, options)
  await Fastify().withTypeProvider<TypeBoxTypeProvider>().register(fastifyKratos, options)
  await Fastify({ http2: true }).register(fastifyKratos, options)
  // @ts-expect-error publicUrl is required
  await app.register(fastifyKratos, { routes: false })
  // @ts-expect-error a prefix is an object's member
  await app.register(fastifyKratos, { publicUrl: '', routes: '/api/auth' })

  const client: KratosClient = app.kratos
  const outcome: SessionOutcome = await client.whoami({ kind: 'token', value: 'ory_st_x', from: 'header' })
  if (outcome.kind === 'valid') read(outcome.session)
  app.get('/a', { onRequest: app.authenticate }, async (request) => mail(request))
  app.get('/b', { preHandler: [app.authenticateOptional] }, async (request) => mail(request))
  app.addHook('onRequest', app.authenticate)
  const modern = Fastify({ http2: true })
  modern.get('/e', { onRequest: modern.authenticate, preHandler: [modern.authenticateOptional] }, async (request) =>
    sessionOf(request).identity.traits.email,
  )
  modern.addHook('onRequest', modern.authenticate)

  const strong: AuthRequirement = { aal: 'aal2', within: '5m' }
  app.get('/c', { config: { auth: strong } }, async (request) => mail(request))
  // @ts-expect-error no duration
  app.get('/d', { config: { auth: { within: 'soon' } } }, async (request) => mail(request))
}

export async function bus (): Promise<FastifyKratosOptions> {
  const bus: PostgresBus = await postgresBus({ url: 'postgres://127.0.0.1/app' })
  return { publicUrl: 'http://127.0.0.1:4433', bus }
}

function mail (request: FastifyRequest): string | undefined {
  const { auth, kratosSession } = request
  if (auth.kind === 'session') read(auth.session ?? sessionOf(request))
  request.onSessionEnd(async () => {})()
  // @ts-expect-error a handler is a function
  request.onSessionEnd('close')
  // @ts-expect-error nobody is logged in with this kind
  if (auth.kind === 'none') read(auth.session)
  // @ts-expect-error it is shared, so it is for reading only
  sessionOf(request).identity.traits.email = 'ada@example.com'
  // @ts-expect-error it is null before a guard ran
  read(kratosSession)
  return kratosSession?.identity.traits.email
}

function read ({ id, expires_at: expiresAt, identity }: KratosSession): string[] {
  const { email, first_name: firstName } = identity.traits
  // @ts-expect-error nobody declared this trait
  const age: number = identity.traits['age']
  // @ts-expect-error this one may be absent
  const length: number = firstName.length
  return [id, expiresAt, identity.id, email, String(age + length)]
}

export const codes: ErrorCode[] = ['INVALID_SESSION', 'UPSTREAM_UNAVAILABLE']
// @ts-expect-error no such code
codes.push('NO_SUCH_CODE')

export async function kit (clock: Clock): Promise<EmbeddedKratos> {
  const settings: EmbeddedKratosOptions = { clock, database: 'memory', overrides: { session: { lifespan: '1h' } } }
  return startEmbeddedKratos(settings)
}
