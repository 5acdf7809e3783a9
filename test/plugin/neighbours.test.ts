import autoload from '@fastify/autoload'
import circuitBreaker from '@fastify/circuit-breaker'
import Fastify, { type FastifyInstance, type InjectOptions } from 'fastify'
import * as zodProvider from 'fastify-type-provider-zod'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import fastifyKratos, { sessionOf } from '../../src/plugin.js'
import { PATIENT, temporaryFolder } from '../support/app.js'
import { startKratos } from '../support/kratos.js'
import { type Neighbour, NEIGHBOURS, type Order, ORDERS } from '../support/neighbours.js'

const JSON_TYPE = { 'content-type': 'application/json' }

const REQUESTS: Record<string, InjectOptions> = {
  'a route of the app': { url: '/products' },
  'an error of the app': { url: '/boom' },
  'no route': { url: '/nowhere' },
  'a route of the app at /kratos': { url: '/kratos/sessions/whoami' },
  'a guarded route, a stranger': { url: '/me' },
  'a guarded route, a user': { url: '/me', headers: { as: 'user' } },
  'an auth route, a stranger': { url: '/api/auth/whoami' },
  'an auth route, a user': { url: '/api/auth/whoami', headers: { as: 'user' } },
  'a flow': { url: '/api/auth/flows/login' },
  'bad input of an auth route': { url: '/api/auth/flows/login?type=wrong' },
  'a bad body': { method: 'POST', url: '/api/auth/flows/login', headers: JSON_TYPE, payload: '{not json' },
  'a wrong body': { method: 'POST', url: '/api/auth/flows/login', headers: JSON_TYPE, payload: '{"flow_id":5}' },
}
const OF_PLUGIN = /auth|flow|bad|wrong/
const OF_HOST = /of the app|no route/

interface Case { neighbour: Neighbour, order: Order, kratosUrl?: string }

async function buildHost (t: Test, { neighbour, order, kratosUrl }: Case): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(() => app.close())
  const isAwaited = order !== 'without await'
  const wait = async (added: unknown): Promise<void> => { if (isAwaited) await added }
  const addPlugin = () => kratosUrl === undefined
    ? undefined
    : app.register(fastifyKratos, { ...PATIENT, publicUrl: kratosUrl, ...neighbour.options })
  if (order === 'after') await addPlugin()
  await wait(neighbour.add(app))
  if (order !== 'after') await wait(addPlugin())
  const text = { type: 'object', properties: { name: { type: 'string' } } }
  const isZod = app.validatorCompiler === zodProvider.validatorCompiler as never
  const addRoutes = (): void => {
    const schema = isZod ? {} : { schema: { response: { 200: text } } }
    app.get('/products', schema, async () => ({ name: 'bread' }))
    app.get('/boom', async () => { throw new Error('boom') })
    if (kratosUrl !== undefined) {
      app.get('/me', { config: { auth: true } }, async (request) => ({ name: sessionOf(request).identity.id }))
    }
  }
  // Some neighbours want to be there before the routes they are about, as their README says.
  if (isAwaited) addRoutes()
  else app.after(() => addRoutes())
  await app.ready()
  return app
}

/** What of an answer must not change. Ids of flows and times differ from one to the next. */
async function answersOf (app: FastifyInstance, names: string[], user: Record<string, string>) {
  const answers: Record<string, unknown> = {}
  for (const name of names) {
    const { headers = {}, ...request } = REQUESTS[name] as InjectOptions
    const { as, ...others } = headers
    const answer = await app.inject({ ...request, headers: { ...others, ...(as !== undefined && user) } })
    const body = answer.body.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID').replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    answers[name] = {
      status: answer.statusCode,
      type: answer.headers['content-type'],
      cache: answer.headers['cache-control'],
      body: /flows\//.test(body) && answer.statusCode === 200 ? Object.keys(JSON.parse(body).data) : body,
    }
  }
  return answers
}

export default async function (t: Test): Promise<void> {
  const kratos = await startKratos(t)
  const { headers: user } = kratos.signIn(await kratos.createIdentity({ email: 'ada@example.com' }))
  const hostFolder = join(await temporaryFolder(t), 'routes')
  await mkdir(hostFolder)
  await writeFile(join(hostFolder, 'mine.mjs'), "export default async (app) => { app.get('/mine', async () => 'mine') }\n")

  const alone: Case = { neighbour: { add: () => {} }, order: 'before', kratosUrl: kratos.publicUrl }
  const own = Object.keys(REQUESTS).filter((name) => OF_PLUGIN.test(name))
  const expected = await answersOf(await buildHost(t, alone), own, user)
  const OWN_STATUSES = [401, 200, 200, 400, 400, 400]
  const guarded = ['a guarded route, a stranger', 'a guarded route, a user']

  const neighbours: Record<string, Neighbour> = {
    ...NEIGHBOURS,
    '@fastify/autoload': { add: (app) => app.register(autoload, { dir: hostFolder }) },
  }
  for (const [name, neighbour] of Object.entries(neighbours)) {
    for (const order of neighbour.orders ?? ORDERS) {
      t.test(`beside ${name}, ${order}: everybody answers as alone`, async (t) => {
        const app = await buildHost(t, { neighbour, order, kratosUrl: kratos.publicUrl })
        const without = await buildHost(t, { neighbour, order })
        const host = Object.keys(REQUESTS).filter((request) => OF_HOST.test(request))
        t.strictSame(await answersOf(app, host, {}), await answersOf(without, host, {}), 'the app')
        t.strictSame(await answersOf(app, own, user), expected, 'the plugin')
        const statuses = Object.values(await answersOf(app, guarded, user)).map((answer) =>
          (answer as { status: number }).status,
        )
        t.strictSame(statuses, [401, 200], 'the guard')
        if (neighbour.isDocumented === true) checkDocument(t, app, order, neighbour)
      })
    }
  }
  t.test('@fastify/circuit-breaker after any scope, ours or not: its hook fails there (docs/plugin.md)', async (t) => {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(async (scope) => { scope.get('/scoped', async () => 'scoped') })
    await app.register(circuitBreaker)
    app.get('/later', async () => 'later')
    t.strictSame(await Promise.all(['/scoped', '/later'].map(async (url) => (await app.inject(url)).statusCode)), [500, 200])
  })

  t.strictSame(Object.values(expected).map((answer) => (answer as { status: number }).status), OWN_STATUSES)
}

interface ApiDocument {
  paths: Record<string, Record<string, { security?: Array<Record<string, unknown>>, responses: object }>>
  components?: { securitySchemes?: Record<string, { type: string }> }
  securityDefinitions?: Record<string, unknown>
}

/** Valid in itself: whatever a route names is there. */
function checkDocument (t: Test, app: FastifyInstance, order: Order, { options = {} }: Neighbour): void {
  const document = (app as unknown as { swagger: () => ApiDocument }).swagger()
  t.ok('/products' in document.paths, 'the routes of the app are in its document')
  const paths = Object.keys(document.paths).filter((path) => path.startsWith('/api/auth'))
  // What was declared before it, @fastify/swagger does not see.
  if (options.openapi === false || order === 'after') {
    t.strictSame(paths, [])
    return
  }
  t.ok(paths.includes('/api/auth/flows/login') && paths.includes('/api/auth/whoami'))
  t.notOk(paths.some((path) => path.endsWith('/')), 'each of them once')
  const known = { ...document.components?.securitySchemes, ...document.securityDefinitions }
  for (const path of paths) {
    for (const operation of Object.values(document.paths[path] ?? {})) {
      for (const scheme of operation.security ?? []) {
        for (const name of Object.keys(scheme)) t.ok(name in known, `${path} wants ${name}`)
      }
      t.ok(Object.keys(operation.responses).length <= 4)
    }
  }
  t.ok(JSON.stringify(document).length < 75_000, `${JSON.stringify(document).length} characters`)
}
