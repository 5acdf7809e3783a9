import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Fastify from 'fastify'
import type { Test } from 'tap'
import { serviceError } from '../../src/errors.js'
import { applyHttpRules } from '../../src/http/rules.js'
import { responses } from '../../src/schemas/envelope.js'
import { Type } from '@sinclair/typebox'
import { watchAnswers } from '../support/answers.js'
import { envelopeProblems } from '../support/envelope.js'
import { ROOT } from '../support/process.js'

/** First releases without the known advisories that concern us. */
const FLOORS = { fastify: '5.12.6', undici: '7.30.2' }

/** Whether a version is at least another one. */
function isAtLeast (version: string, floor: string): boolean {
  const [have, want] = [version, floor].map((text) => text.split('.').map(Number))
  const differs = (want ?? []).findIndex((part, index) => have?.[index] !== part)
  return differs < 0 || (have?.[differs] ?? 0) > (want?.[differs] ?? 0)
}

export default async function (t: Test): Promise<void> {
  t.test('what is installed is at or above the versions that mend known advisories (O01)', async (t) => {
    const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { version: string, dev?: boolean }>
    }
    for (const [name, floor] of Object.entries(FLOORS)) {
      const locked = Object.entries(packages).filter(([path, { dev }]) =>
        path.endsWith(`node_modules/${name}`) && dev !== true,
      )
      t.ok(locked.length > 0, `${name} is locked`)
      for (const [path, { version }] of locked) t.ok(isAtLeast(version, floor), `${path} ${version}`)
      const { version } = JSON.parse(readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8')) as {
        version: string
      }
      t.ok(isAtLeast(version, floor), `${name} ${version} is what runs here`)
    }
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>
    }
    t.ok(
      isAtLeast(dependencies['undici']?.replace('^', '') ?? '0', FLOORS.undici),
      'an app that installs us gets no older undici',
    )
    t.same(['5.12.5', '5.12.6', '5.13.0', '6.0.0', '4.99.99'].map((version) => isAtLeast(version, '5.12.6')), [
      false,
      true,
      true,
      true,
      false,
    ], 'the comparison can fail')
  })

  t.test('every answer of the suite is held against the published schema, and one that does not fit is found (O03)', async (t) => {
    const app = Fastify()
    t.teardown(() => app.close())
    applyHttpRules(app, { https: false })
    const problems: string[] = []
    watchAnswers(app, (problem) => problems.push(problem))
    const schema = { response: responses(Type.Object({ token: Type.Optional(Type.String()) }), 502) }
    app.get('/good', { schema }, async () => {
      throw serviceError('UPSTREAM_ERROR')
    })
    app.get('/undeclared', { schema }, async () => {
      throw serviceError('FLOW_EXPIRED')
    })
    app.get(
      '/odd',
      { schema, serializerCompiler: () => (data) => JSON.stringify(data) },
      async (_request, reply) => reply.code(502).send({ success: false, error: 'x', code: 'NO_SUCH_CODE' }),
    )
    app.get(
      '/text',
      { schema, serializerCompiler: () => String },
      async (_request, reply) => reply.code(502).send('Bad Gateway'),
    )
    app.get('/cached', { schema }, async (_request, reply) => reply.header('cache-control', 'public').send({}))
    app.get('/api/token', { schema }, async () => ({ token: `ory_st_${'x'.repeat(32)}` }))
    const found = async (url: string): Promise<string[]> => {
      problems.length = 0
      await app.inject(url)
      return problems
    }
    t.same(await found('/good'), [])
    t.match(await found('/undeclared'), ['GET /undeclared: does not declare 410'])
    t.match(await found('/odd'), ['GET /odd: 502 is no envelope: /code must be equal to one of the allowed values'])
    t.match(await found('/text'), ['GET /text: 502 is no envelope: no JSON'])
    t.match(await found('/cached'), ['GET /cached: 200 without cache-control'])
    t.match(await found('/api/token'), ['GET /api/token: 200 with a session token in its body'])
    t.same(envelopeProblems('{"success":true}').length > 0, true)
  })
}
