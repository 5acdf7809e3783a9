import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Test } from 'tap'
import { API_VERSION } from '../../src/service/openapi/document.js'
import { build, PUBLIC_URL } from '../support/app.js'
import { operationsOf, type OpenapiDocument } from '../support/openapi.js'
import { ROOT } from '../support/process.js'

const DOCS = {
  DOCS: 'true',
  METRICS_TOKEN: 'a-metrics-token-of-the-test-suite-0001',
  OPERATOR_KEY: 'an-operator-key-of-the-test-suite-0001',
}

/** `METHOD url` of the routes that clients have, as Fastify was told of them. */
async function routesOf (work: () => Promise<unknown>): Promise<string[]> {
  const found = new Set<string>()
  const watch = (message: unknown): void => {
    ;(message as { fastify: FastifyInstance }).fastify.addHook('onRoute', ({ method, url, schema }: RouteOptions) => {
      // Those that only say which methods there are.
      if (schema?.hide === true) return
      for (const name of [method].flat()) {
        found.add(`${name} ${url.replace(/(?<=.)\/$/, '').replaceAll(/:(\w+)/g, '{$1}')}`)
      }
    })
  }
  subscribe('fastify.initialization', watch)
  try {
    await work()
  } finally {
    unsubscribe('fastify.initialization', watch)
  }
  return [...found].filter((route) => !/^(?:HEAD|OPTIONS) /.test(route)).sort()
}

/** All values of a member anywhere in a document. */
function valuesOf (name: string, value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap((
    [key, member],
  ) => [...(key === name ? [member] : []), ...valuesOf(name, member)])
}

export default async function (t: Test): Promise<void> {
  t.test('GET /openapi.json', async (t) => {
    const { app } = await build(t, DOCS)
    const document = (await app.inject('/openapi.json')).json<OpenapiDocument>()
    const operations = operationsOf(document)

    t.test('is not there without DOCS, and neither is what makes it', async (t) => {
      const { app } = await build(t)
      t.match((await app.inject('/openapi.json')).json(), { code: 'NOT_FOUND' })
      t.notOk(app.hasDecorator('swagger'))
    })

    t.test('has every route of the service and no other, each with its own name', async (t) => {
      t.strictSame(operations.map(({ method, path }) => `${method} ${path}`).sort(), await routesOf(() => build(t, DOCS)))
      t.equal(new Set(operations.map(({ operation }) => operation.operationId)).size, operations.length)
      const tags = document.tags.map(({ name }) => name)
      for (const { operation, path } of operations) {
        t.ok(
          operation.summary !== '' && operation.tags.length === 1 && operation.tags.every((tag) => tags.includes(tag)),
          path,
        )
      }
    })

    t.test('says how each route is protected, by schemes it describes', async (t) => {
      const schemes = Object.keys(document.components.securitySchemes)
      t.strictSame(schemes.sort(), ['bearerToken', 'metricsToken', 'operatorKey', 'sessionCookie', 'sessionToken', 'webhookBearer', 'webhookKey'])
      const open = operations.filter(({ operation: { security } }) => security?.length === 0).map(({ path }) => path)
      t.strictSame(open.sort(), ['/health/alive', '/health/ready', '/openapi.json'])
      for (const { operation } of operations) {
        t.ok((operation.security ?? []).flatMap(Object.keys).every((name) => schemes.includes(name)))
      }
      t.equal(document.components.securitySchemes['sessionCookie']?.name, 'ory_kratos_session')
    })

    t.test('refers to nothing that is missing, and gives every answer a content that is a schema', async (t) => {
      const ajv = new Ajv2020({ strict: false }).addSchema(document, 'openapi')
      const references = [...new Set(valuesOf('$ref', document))]
      t.ok(references.length >= 3, references.join())
      for (const reference of references) {
        t.doesNotThrow(() => ajv.compile({ $ref: `openapi${String(reference)}` }), String(reference))
      }
      const answers = operations.flatMap(({ method, path, operation }) =>
        Object.entries(operation.responses).map(([status, response]) => ({
          name: `${method} ${path} ${status}`,
          status,
          response,
        })),
      )
      t.ok(answers.length > 250, `${answers.length} answers`)
      t.same(
        answers.filter(({ response: { description } }) => description === '' || description === 'Default Response').map((
          { name },
        ) => name),
        [],
        'each says what it is',
      )
      t.same(
        answers.filter(({ status, response: { content } }) =>
          Object.keys(content ?? {}).length !== (['204', '302'].includes(status) ? 0 : 1),
        ).map(({ name }) => name),
        [],
      )
      t.same(valuesOf('schema', document.paths).filter((schema) => ajv.validateSchema(schema as object) !== true), [])
    })

    t.test('is of the version of the package and names the address of the service', async (t) => {
      const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
      t.match(document, { openapi: '3.1.0', info: { version }, servers: [{ url: PUBLIC_URL }] })
      t.equal(API_VERSION, version)
    })
  })
}
