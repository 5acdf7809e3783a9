import 'reflect-metadata'
import { Controller, Get, Module, Post, Req } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter, type NestFastifyApplication, RouteConfig } from '@nestjs/platform-fastify'
import fastify, { type FastifyRequest, type InjectOptions } from 'fastify'
import type { Test } from 'tap'
import fastifyKratos, { sessionOf } from '../../src/plugin.js'
import { startKratos } from '../support/kratos.js'

class Shop {
  products () {
    return { name: 'bread' }
  }

  boom () {
    throw new Error('boom')
  }

  me (request: FastifyRequest) {
    return { email: sessionOf(request).identity.traits['email'], kind: request.auth.kind }
  }
}

/** Decorators as calls: this repository compiles without their syntax. */
function decorate (method: keyof Shop & string, ...decorators: MethodDecorator[]): void {
  const descriptor = Object.getOwnPropertyDescriptor(Shop.prototype, method) as PropertyDescriptor
  for (const decorator of decorators) decorator(Shop.prototype, method, descriptor)
}
decorate('products', Get('products'))
decorate('boom', Post('boom'))
decorate('me', Get('me'), RouteConfig({ auth: true }))
Req()(Shop.prototype, 'me', 0)
Controller()(Shop)

class Root {}
Module({ controllers: [Shop] })(Root)

const ORDERS = ['before init', 'after init', 'without await'] as const

export default async function (t: Test): Promise<void> {
  const kratos = await startKratos(t)
  const { headers } = kratos.signIn(await kratos.createIdentity({ email: 'ada@example.com' }))

  /** Nest brings a Fastify of its own here, whose types know nothing of what is added to this one. */
  const plugin = [fastifyKratos as never, { publicUrl: kratos.publicUrl } as never] as const

  async function answerTo (app: NestFastifyApplication, request: InjectOptions) {
    const { statusCode, body } = await app.inject(request)
    return [statusCode, JSON.parse(body) as unknown]
  }

  for (const order of ORDERS) {
    t.test(`@nestjs/platform-fastify, registered ${order}`, async (t) => {
      const build = async (order?: typeof ORDERS[number]) => {
        const app = await NestFactory.create<NestFastifyApplication>(Root, new FastifyAdapter(), { logger: false })
        t.teardown(() => app.close())
        const register = () => app.register(...plugin)
        if (order === 'before init') await register()
        if (order === 'without await') register()
        await app.init()
        if (order === 'after init') await register()
        return app
      }
      const app = await build(order)
      const { version } = app.getHttpAdapter().getInstance()
      t.comment(`Fastify ${version} of Nest's adapter, ${fastify().version} of the plugin`)

      t.strictSame(await answerTo(app, { url: '/me', headers }), [200, { email: 'ada@example.com', kind: 'session' }])
      t.match(await answerTo(app, { url: '/me' }), [401, { message: 'Invalid session' }])
      t.match(await answerTo(app, { url: '/api/auth/whoami', headers }), [200, { data: { email: 'ada@example.com' } }])
      t.match(await answerTo(app, { url: '/api/auth/whoami' }), [401, { code: 'INVALID_SESSION', start: String }])
      t.match(await answerTo(app, { url: '/api/auth/flows/login' }), [200, { data: { next: 'form' } }])
      const bad: InjectOptions = { method: 'POST', url: '/api/auth/flows/login', payload: { flow_id: 5 } }
      t.match(await answerTo(app, bad), [400, { code: 'VALIDATION_ERROR' }])

      const without = await build()
      for (const request of [{ url: '/products' }, { url: '/nowhere' }, { method: 'POST', url: '/boom' }] as const) {
        t.strictSame(await answerTo(app, request), await answerTo(without, request), `${request.url} as without it`)
      }
    })
  }

  t.test('@nestjs/platform-fastify: a mistyped guard stops the start', async (t) => {
    class Typo { me () {} }
    const descriptor = Object.getOwnPropertyDescriptor(Typo.prototype, 'me') as PropertyDescriptor
    for (const decorator of [Get('me'), RouteConfig({ auth: { all: 'aal2' } })]) decorator(Typo.prototype, 'me', descriptor)
    Controller()(Typo)
    class Broken {}
    Module({ controllers: [Typo] })(Broken)
    const app = await NestFactory.create<NestFastifyApplication>(Broken, new FastifyAdapter(), {
      logger: false, abortOnError: false,
    })
    t.teardown(() => app.close())
    await app.register(...plugin)
    await t.rejects(app.init().then(() => app.getHttpAdapter().getInstance().ready()), /\/me: config\.auth\.all/)
  })
}
