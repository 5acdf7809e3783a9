import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createConfig, lintFromString } from '@redocly/openapi-core'
import { Ajv2020 } from 'ajv/dist/2020.js'
import openapiTS, { astToString } from 'openapi-typescript'
import type { Test } from 'tap'
import { build, temporaryFolder } from '../support/app.js'
import { buildWithKratos, freshEmail, PASSWORD } from '../support/kratos.js'
import { type OpenapiDocument, operationsOf } from '../support/openapi.js'
import { compile, link } from '../support/package.js'
import { totpCode } from '../support/totp.js'

const DOCS = {
  DOCS: 'true',
  METRICS_TOKEN: 'a-metrics-token-of-the-test-suite-0001',
  OPERATOR_KEY: 'an-operator-key-of-the-test-suite-0001',
}
const TSCONFIG = {
  compilerOptions: {
    target: 'ES2022',
    module: 'NodeNext',
    lib: ['ES2022', 'DOM', 'DOM.Iterable'],
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noPropertyAccessFromIndexSignature: true,
    skipLibCheck: true,
  },
}

export default async function (t: Test): Promise<void> {
  const { app } = await build(t, DOCS)
  const source = (await app.inject('/openapi.json')).body
  const document = JSON.parse(source) as OpenapiDocument

  t.test('GET /openapi.json for people and generators', async (t) => {
    t.test('is without a complaint of the linter', async (t) => {
      const rules = { 'no-server-example.com': 'off', 'operation-4xx-response': 'off' } as const
      const config = await createConfig({ extends: ['recommended'], rules })
      const problems = await lintFromString({ source, config })
      t.same(problems.map(({ ruleId, message, location: [at] }) => `${ruleId}: ${message} ${String(at?.pointer)}`), [])
    })

    t.test('wants nothing that has a default', async (t) => {
      const parameters = operationsOf(document).flatMap(({ operation, path }) =>
        (operation.parameters ?? []).map((parameter) => ({ path, ...parameter })))
      const defaulted = parameters.filter(({ schema }) => schema.default !== undefined)
      t.ok(defaulted.length > 0)
      t.same(defaulted.filter(({ required }) => required), [])
    })

    t.test('describes every operation, with examples that are valid', async (t) => {
      const ajv = new Ajv2020({ strict: false, validateFormats: false }).addSchema(document, 'openapi')
      for (const { operation, method, path } of operationsOf(document)) {
        const name = `${method} ${path}`
        t.ok(operation.description, name)
        const media = [operation.requestBody, ...Object.values(operation.responses)].flatMap((part) =>
          Object.entries(part?.content ?? {}))
        for (const [type, { schema, example }] of media) {
          if (example === undefined) continue
          const text = JSON.stringify(schema).replaceAll('"#/', '"openapi#/')
          t.ok(ajv.validate(JSON.parse(text) as object, example), `${name} ${type} ${ajv.errorsText()}`)
        }
        t.ok(operation.requestBody === undefined || media.some(([, { example }]) => example !== undefined), name)
      }
    })

    t.test('says which errors an operation can have, and no others', async (t) => {
      const described = (path: string, method: string, status: string): string =>
        document.paths[path]?.[method]?.responses[status]?.description ?? 'none'
      t.equal(described('/api/documents', 'get', '504'), 'Gateway Timeout: UPSTREAM_TIMEOUT')
      t.equal(described('/api/auth/flows/login', 'post', '401'), 'Unauthorized: INVALID_SESSION, ACCOUNT_DISABLED')
      t.equal(described('/metrics', 'get', '401'), 'Unauthorized: INVALID_METRICS_TOKEN')
      t.equal(described('/internal/events', 'get', '401'), 'Unauthorized: INVALID_OPERATOR_KEY')
      t.equal(described('/health/alive', 'get', '503'), 'none')
      t.equal(described('/api/auth/whoami', 'get', '410'), 'none')
    })

    t.test('makes a client that compiles and goes from sign-up to a second factor', async (t) => {
      const project = await temporaryFolder(t)
      await writeFile(join(project, 'api.d.ts'), astToString(await openapiTS(source)))
      await cp(join(import.meta.dirname, 'openapi-client/journey.ts'), join(project, 'journey.ts'))
      await writeFile(join(project, 'tsconfig.json'), JSON.stringify(TSCONFIG))
      await writeFile(join(project, 'package.json'), '{"type":"module"}')
      for (const name of ['openapi-fetch', 'openapi-typescript-helpers', '@types/node']) await link(project, name)
      t.same(compile(project), [])
      const { journey } = await import(pathToFileURL(join(project, 'journey.js')).href) as {
        journey: (...given: unknown[]) => Promise<unknown>
      }
      const { app } = await buildWithKratos(t)
      const email = freshEmail()
      t.same(await journey(await app.listen({ port: 0, host: '127.0.0.1' }), email, PASSWORD, totpCode), {
        complaints: ['password_too_short'],
        next: 'verify',
        enabled: 'done',
        email,
      })
    })
  })

  t.test('GET /docs', async (t) => {
    t.test('shows the document, with everything from here', async (t) => {
      const moved = await app.inject('/docs')
      t.match(moved, { statusCode: 302, headers: { location: '/docs/' } })
      const { body, headers } = await app.inject('/docs/')
      t.match(headers['content-security-policy'], /default-src 'none'; script-src 'self'/)
      const files = [...body.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map(([, file = '']) => file)
      t.ok(files.length > 3)
      for (const file of files) t.equal((await app.inject(`/docs/${file}`)).statusCode, 200, file)
      t.notMatch(body, /(?:src|href)="(?:https?:)?\/\//)
    })

    t.test('is not there without DOCS', async (t) => {
      const { app } = await build(t)
      t.match(await app.inject('/docs/'), { statusCode: 404 })
    })
  })
}
