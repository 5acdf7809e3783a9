import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import fc, { type Arbitrary } from 'fast-check'
import type { InjectOptions, LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import type { EmbeddedKratos } from '../../kratos/embedded/index.js'
import { build, FRONTEND, WEBHOOK_KEY } from '../support/app.js'
import {
  arbitraryOf, type Hints, HOSTILE_TEXT, hostileBody, nearlyOf, queryOf,
  segmentOf,
} from '../support/arbitrary.js'
import { fuzz, isLongFuzz } from '../support/fuzz.js'
import { freshEmail, get, PASSWORD, startKratos } from '../support/kratos.js'
import { type OpenapiDocument, type Operation, operationsOf } from '../support/openapi.js'

/** How fast an answer comes is not what this is about. */
const PATIENT = { WHOAMI_DEADLINE_MS: '60000', SUBMIT_DEADLINE_MS: '60000', KRATOS_DEADLINE_MS: '60000' }
const METRICS_TOKEN = 'a-metrics-token-of-the-test-suite-0001'
/** An address that an identity has, and what stands for an id that is made just before it is used. */
const [EMAIL, FRESH] = ['fuzz@example.test', 'ffffffff-ffff-4fff-bfff-ffffffffffff']
const HINTS: Hints = {
  id: [FRESH],
  flow_id: [FRESH],
  flow: [FRESH],
  method: [
    'password',
    'code',
    'profile',
    'oidc',
    'totp',
    'lookup_secret',
    'link',
    'webauthn',
    'passkey',
    'identifier_first',
  ],
  email: [EMAIL, 'new@example.test', ...HOSTILE_TEXT],
  identifier: [EMAIL, EMAIL, ...HOSTILE_TEXT],
  password: [PASSWORD, PASSWORD, 'short', ...HOSTILE_TEXT],
  code: ['123456', ...HOSTILE_TEXT],
  csrf_token: ['', 'x', ...HOSTILE_TEXT],
  traits: [{ email: EMAIL }, { email: 'new@example.test', username: 'u', first_name: '\u0000' }, { email: '\ud800' }, {
    email: [],
  }, { email: null, x: 1 }],
  first_name: ['Ada', ...HOSTILE_TEXT],
  username: ['ada', ...HOSTILE_TEXT],
  title: ['A title', ...HOSTILE_TEXT],
  content: ['Some content', ...HOSTILE_TEXT],
  return_to: [`${FRONTEND}/x`, ...HOSTILE_TEXT],
  token: ['ory_lo_x', ...HOSTILE_TEXT],
}

type Proof = 'none' | 'token' | 'cookie' | 'bearer' | 'hostile'
interface Input {
  segment: string
  query: string
  body: Buffer | undefined
  proof: Proof
  headers: Record<string, string>
  remoteAddress: string
}

/** Header values that reach a handler: Node's parser has refused control characters before. */
const headerText = fc.string({
  unit: fc.integer({ min: 0x20, max: 0xff }).filter((code) => code !== 0x7f).map((code) => String.fromCharCode(code)),
  maxLength: 60,
}).map((text) => text.trim())
const contentType = fc.oneof({ weight: 12, arbitrary: fc.constant('application/json') }, {
  weight: 1,
  arbitrary: fc.constantFrom(
    'text/plain',
    'application/json; charset=latin1',
    'application/x-www-form-urlencoded',
    'APPLICATION/JSON',
    'application/json;',
    'multipart/form-data; boundary=x',
    '',
    '/',
    'application/jsonx',
  ),
})
const headers = fc.record({
  origin: fc.oneof({ weight: 6, arbitrary: fc.constant(FRONTEND) }, {
    weight: 1,
    arbitrary: fc.oneof(fc.constantFrom('null', 'https://evil.example', ''), headerText),
  }),
  accept: fc.oneof(fc.constantFrom('application/json', 'text/html', '*/*', ''), headerText),
  'user-agent': fc.oneof(headerText, fc.constant('x'.repeat(2000))),
  'x-request-id': headerText,
  'sec-fetch-dest': fc.constantFrom('empty', 'document', 'image'),
  'accept-encoding': headerText,
  'if-none-match': headerText,
  expect: headerText,
}, { requiredKeys: [] })

function inputOf ({ parameters = [], requestBody }: Operation): Arbitrary<Input> {
  const bodySchema = Object.values(requestBody?.content ?? {})[0]?.schema
  const valid = arbitraryOf(bodySchema ?? {}, HINTS)
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value) ?? '')
  const body = bodySchema === undefined
    ? fc.option(hostileBody(valid), { nil: undefined, freq: 2 })
    : fc.oneof<Array<Arbitrary<Buffer | undefined>>>(
      { weight: 5, arbitrary: valid.map(json) } as never,
      { weight: 4, arbitrary: nearlyOf(bodySchema, HINTS).map(json) } as never,
      { weight: 3, arbitrary: hostileBody(valid) } as never,
    )
  const segment = parameters.find((parameter) => parameter.in === 'path')
  return fc.record({
    segment: segment === undefined ? fc.constant('') : segmentOf(segment.schema, HINTS, segment.name),
    query: queryOf(parameters.filter((parameter) => parameter.in === 'query'), HINTS),
    body,
    proof: fc.constantFrom<Proof>('none', 'token', 'token', 'cookie', 'cookie', 'bearer', 'hostile'),
    headers: fc.tuple(headers, contentType).map(([some, type]) => ({ ...some, 'content-type': type })),
    remoteAddress: fc.ipV4(),
  })
}

/** The input that the document itself shows, sent by somebody who may: what is made of it has got through. */
function wellFormed ({ parameters = [], requestBody }: Operation): Input {
  const example = Object.values(requestBody?.content ?? {})[0]?.example
  return {
    segment: parameters.some((parameter) => parameter.in === 'path') ? FRESH : '',
    query: '',
    body: example === undefined ? undefined : Buffer.from(JSON.stringify(example)),
    proof: 'cookie',
    headers: { origin: FRONTEND, 'content-type': 'application/json' },
    remoteAddress: '192.0.2.1',
  }
}

/** What the document says once for all operations; and for a body where none is wanted. */
const [ANY_REQUEST, ANY_BODY] = [[404, 405, 408, 431], [400, 413, 415]]
const wantsBody = ({ requestBody }: Operation): boolean => requestBody !== undefined

/** Whether the router takes a segment for the parameter of its route; else the answer is that of no route. */
function isRoutable (segment: string): boolean {
  try {
    return !/^\.{1,2}$/.test(decodeURIComponent(segment)) && segment.length <= 512
  } catch {
    return false
  }
}

/** Somebody who is logged in, whatever the last input has done to the one before. */
function createPeople (kratos: EmbeddedKratos) {
  let identity: { id: string } | undefined
  let sessions = 0
  return {
    async signIn (
      transport: 'token' | 'cookie',
    ): Promise<{ id: string, token: string, headers: Record<string, string> }> {
      try {
        // Nobody has a thousand devices.
        if (identity !== undefined && ++sessions % 50 > 0) return kratos.signIn(identity, { transport })
      } catch {
        // An input has deleted the account.
      }
      identity = await kratos.createIdentity({ email: freshEmail() })
      return kratos.signIn(identity, { transport })
    },
  }
}

export default async function (t: Test): Promise<void> {
  if (isLongFuzz) t.setTimeout(0)

  t.test('whatever a client sends to any operation of the document: no 5xx and no answer that it does not declare (O02, figure 9)', async (t) => {
    const kratos = await startKratos(t, { overrides: { hashers: { bcrypt: { cost: 4 } } } })
    const { app, logs } = await build(t, {
      KRATOS_PUBLIC_URL: kratos.publicUrl,
      KRATOS_ADMIN_URL: kratos.adminUrl,
      DOCS: 'true',
      METRICS_TOKEN,
      LOG_LEVEL: 'warn',
      ...PATIENT,
    })
    const document = (await app.inject('/openapi.json')).json<OpenapiDocument>()
    await kratos.createIdentity({ email: EMAIL }, PASSWORD)
    const people = createPeople(kratos)
    const ajv = new Ajv2020({ strict: false }).addSchema(document, 'openapi')
    const validators = new Map<string, ValidateFunction>()

    function validator (pointer: string[]): ValidateFunction {
      const reference = `openapi#/${
        pointer.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')
      }`
      const known = validators.get(reference) ?? ajv.compile({ $ref: reference })
      validators.set(reference, known)
      return known
    }

    async function proofHeaders (proof: Proof): Promise<Record<string, string>> {
      if (proof === 'none') return {}
      if (proof === 'hostile') {
        return {
          cookie: 'ory_kratos_session=%00; ory_kratos_session="; csrf_token_x=\u00ff; =;;',
          authorization: 'Bearer \u00e9',
          'x-session-token': 'ory_st_ ',
        }
      }
      const { token, headers } = await people.signIn(proof === 'cookie' ? 'cookie' : 'token')
      return proof === 'bearer' ? { authorization: `Bearer ${token}` } : headers
    }

    /** The id of something that is there, of the kind that the path is about. */
    async function freshId (path: string, proof: Record<string, string>): Promise<string> {
      const flow = /\/flows\/(\w+)/.exec(path)?.[1]
      if (flow !== undefined) { return (await get(app, `/api/auth/flows/${flow}`, proof)).json<{ data?: { id?: string } }>().data?.id ?? FRESH }
      if (path.includes('/sessions/')) return (await people.signIn('token')).id
      if (!path.includes('/documents/')) return FRESH
      const created = await app.inject({
        method: 'POST',
        url: '/api/documents',
        headers: { ...proof, origin: FRONTEND },
        payload: { title: 't', content: 'c' },
      })
      return created.json<{ data?: { id?: string } }>().data?.id ?? FRESH
    }

    async function send (method: string, path: string, input: Input): Promise<LightMyRequestResponse> {
      const proof = await proofHeaders(input.proof)
      const keys = path.startsWith('/internal')
        ? { 'x-webhook-key': WEBHOOK_KEY }
        : path === '/metrics'
          ? { authorization: `Bearer ${METRICS_TOKEN}` }
          : {}
      const { origin, ...others } = input.headers
      const mayHaveOrigin = !path.startsWith('/internal') && origin !== undefined
      const needsId = [input.segment, input.query, input.body?.toString('latin1') ?? ''].some((part) =>
        part.includes(FRESH),
      )
      const id = needsId ? await freshId(path, proof) : FRESH
      const url = `${path.replace('{id}', input.segment.replace(FRESH, id))}${
        input.query === '' ? '' : `?${input.query.replaceAll(FRESH, id)}`
      }`
      const payload = input.body === undefined
        ? {}
        : { payload: Buffer.from(input.body.toString('latin1').replaceAll(FRESH, id), 'latin1') }
      const headers = {
        ...others,
        ...(mayHaveOrigin && { origin }),
        ...(path.startsWith('/internal') ? {} : proof),
        ...keys,
      }
      return await app.inject(
        {
          method: method as 'POST',
          url,
          headers,
          remoteAddress: input.remoteAddress,
          ...payload,
        } satisfies InjectOptions,
      )
    }

    /** What is wrong with an answer; undefined when all is well. */
    function fault (
      method: string,
      path: string,
      { operation, answer, input }: { operation: Operation, answer: LightMyRequestResponse, input: Input },
    ): string | undefined {
      const { statusCode, headers, body } = answer
      if (statusCode >= 500) return 'is a 5xx'
      if (headers['x-request-id'] === undefined) return 'has no request id'
      if (/ory_st_\w{32}/.test(body) && !input.query.includes('transport=token')) return 'has a session token'
      if (!isRoutable(input.segment)) {
        return isError(JSON.parse(body)) ? undefined : 'is no envelope'
      }
      const declared = operation.responses[statusCode]
      if (declared === undefined) {
        const isForAny = ANY_REQUEST.includes(statusCode) || (!wantsBody(operation) && ANY_BODY.includes(statusCode))
        return isForAny && isError(JSON.parse(body)) ? undefined : 'is not declared'
      }
      const [media] = Object.keys(declared.content ?? {})
      if (media === undefined) return body === '' ? undefined : 'has a body'
      if (!String(headers['content-type']).startsWith(media)) return `is no ${media}`
      if (media !== 'application/json') return undefined
      const validate = validator([
        'paths',
        path,
        method.toLowerCase(),
        'responses',
        String(statusCode),
        'content',
        media,
        'schema',
      ])
      return validate(JSON.parse(body)) ? undefined : `is not as declared: ${JSON.stringify(validate.errors)}`
    }

    const isError = (answer: unknown): boolean => validator(['components', 'schemas', 'Error'])(answer) === true

    const seen = new Map<number, number>()
    for (const { method, path, operation } of operationsOf(document)) {
      await fc.assert(
        fc.asyncProperty(inputOf(operation), async (input) => {
          const answer = await send(method, path, input)
          seen.set(answer.statusCode, (seen.get(answer.statusCode) ?? 0) + 1)
          const found = fault(method, path, { operation, answer, input })
          if (found !== undefined) {
            throw new Error(
              `${answer.statusCode} ${found}: ${answer.body.slice(0, 600)}\nbody sent: ${
                input.body?.toString().slice(0, 600)
              }\nlast log line: ${logs().at(-1)}`,
            )
          }
        }),
        { ...fuzz(12), examples: [[wellFormed(operation)]], includeErrorInReport: true },
      )
      t.pass(`${method} ${path}`)
    }
    const statuses = [200, 201, 400, 401, 403, 404]
    t.ok(
      statuses.every((status) => (seen.get(status) ?? 0) > 0),
      `inputs of all kinds got through: ${JSON.stringify([...seen])}`,
    )
  })
}
