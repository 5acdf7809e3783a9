import type { Test } from 'tap'
import { startEmbeddedKratos } from '../../kratos/embedded/index.js'
import { call, logIn, PASSWORD, submitFlow, type JsonAnswer } from './client.js'

/** All expected values are answers of Kratos v26.2.0. */

type Schema = Record<string, unknown>

const MARK = 'ory.sh/kratos'
const USERNAME: Schema = { type: 'string', [MARK]: { credentials: { password: { identifier: true } } } }
const EMAIL: Schema = {
  type: 'string',
  format: 'email',
  title: 'E-Mail',
  [MARK]: {
    credentials: { password: { identifier: true }, code: { identifier: true, via: 'email' } },
    verification: { via: 'email' },
    recovery: { via: 'email' },
  },
}
const PHONE: Schema = {
  type: 'string',
  format: 'tel',
  [MARK]: {
    credentials: { password: { identifier: true }, code: { identifier: true, via: 'sms' } },
    verification: { via: 'sms' },
  },
}

const schemaOf = (properties: Schema, traits: Schema = {}, more: Schema = {}): any => ({
  $schema: 'http://json-schema.org/draft-07/schema#',
  type: 'object',
  properties: { traits: { type: 'object', properties, ...traits } },
  ...more,
})

interface Server {
  publicUrl: string
  admin: (method: string, path: string, body?: unknown) => Promise<JsonAnswer>
  /** Makes an identity; gives what it has, or Kratos' words about its traits. */
  create: (traits: unknown) => Promise<any>
  signUp: (traits: unknown) => Promise<JsonAnswer>
}

async function start (t: Test, schema: any): Promise<Server> {
  const kratos = await startEmbeddedKratos({
    schema,
    overrides: {
      hashers: { bcrypt: { cost: 4 } },
      selfservice: {
        methods: { code: { enabled: true, passwordless_enabled: true } },
        flows: { registration: { style: 'unified', after: { hooks: [], password: { hooks: [] } } } },
      },
    },
  })
  t.teardown(async () => await kratos.close())
  const admin: Server['admin'] = async (method, path, body) =>
    await call(method, `${kratos.adminUrl}/admin${path}`, body === undefined ? {} : { body })
  return {
    publicUrl: kratos.publicUrl,
    admin,
    create: async (traits) => {
      const { status, body } = await admin('POST', '/identities', { schema_id: '', traits })
      if (status !== 201) return body['error'].reason ?? body['error'].message
      const stored = await admin('GET', `/identities/${body['id']}?include_credential=code`)
      const values = (name: string): string[] =>
        (stored.body[name] ?? []).map(({ value }: { value: string }) => value).sort()
      return {
        password: stored.body['credentials']?.password?.identifiers,
        code: stored.body['credentials']?.code?.identifiers,
        verifiable: values('verifiable_addresses'),
        recovery: values('recovery_addresses'),
      }
    },
    signUp: async (traits) =>
      await submitFlow(kratos.publicUrl, 'registration', { method: 'password', password: PASSWORD, traits }),
  }
}

const fieldsOf = ({ body }: JsonAnswer): string[] =>
  body['ui'].nodes
    .filter(({ attributes }: any) => /^(traits|metadata|other)/.test(attributes.name))
    .map(({ attributes: { name, type, required }, meta }: any) =>
      `${name} ${type}${required === true ? ' required' : ''} ${meta.label?.text ?? ''}`.trim())

const messagesOf = ({ body }: JsonAnswer): Record<string, Array<[number, string]>> => Object.fromEntries(
  body['ui'].nodes
    .filter(({ messages }: any) => messages.length > 0)
    .map(({ attributes, messages }: any) => [attributes.name, messages.map(({ id, text }: any) => [id, text])]),
)

export default async function (t: Test): Promise<void> {
  t.test('identifiers', async (t) => {
    t.test('a phone number in another notation is the same one (case 67)', async (t) => {
      const { publicUrl, create, signUp, admin } = await start(t, schemaOf({ phone: PHONE }))
      t.same(await create({ phone: '+49 151 1234-5678' }), {
        password: ['+49 151 1234-5678'],
        code: ['+4915112345678'],
        verifiable: ['+49 151 1234-5678'],
        recovery: [],
      })
      const again = await signUp({ phone: '+4915112345678' })
      t.same(again.body['ui'].messages.map(({ id }: any) => id), [4000007])
      const login = await submitFlow(publicUrl, 'login', { method: 'code', identifier: '+49 (151) 12345678' })
      t.equal(login.body['state'], 'sent_email')
      t.equal((await admin('GET', '/identities?credentials_identifier=%2B4915112345678')).body['length'], 1)
    })

    t.test('numbers are read as libphonenumber reads them', async (t) => {
      const { create, admin } = await start(
        t,
        schemaOf({ c: { type: 'string', [MARK]: { credentials: { code: { identifier: true, via: 'sms' } } } } }),
      )
      const stored: Record<string, string> = {
        '++49 176 12345678': '+4917612345678',
        '＋４９ 176 12345678': '+4917612345678',
        'call +49 176 12345678': '+4917612345678',
        '+1 800 FLOWERS': '+18003569377',
        '+1 650 253 0000 ext. 12': '+16502530000',
        'tel:2530000;phone-context=+1650': '+16502530000',
        'tel:+16502530000;isub=1': '+16502530000',
        '+49x17612345678': '+4917612345678',
        '+49~176~12345678': '+4917612345678',
      }
      for (const [typed, number] of Object.entries(stored)) {
        t.same((await create({ c: typed })).code, [number], typed)
        for (const { id } of (await admin('GET', '/identities')).body as any) await admin('DELETE', `/identities/${id}`)
      }
      const refused: Record<string, string> = {
        '017612345678': 'invalid country code',
        '+999 123456': 'invalid country code',
        '+49': 'the phone number supplied is not a number',
        abc: 'the phone number supplied is not a number',
        '+49 176 12345678\t': 'the phone number supplied is not a number',
        '+49 1': 'the string supplied is too short to be a phone number',
        '+49 151 888888888888888888': 'the string supplied is too long to be a phone number',
        '+49 1234567': 'the provided number is not a valid phone number',
      }
      for (const [typed, why] of Object.entries(refused)) {
        t.equal(await create({ c: typed }), `I[#/traits/c] S[#/properties/traits/properties/c] ${why}`, typed)
      }
    })

    t.test('marks count in lists, in lists of objects and below conditions (case 68)', async (t) => {
      const { create, publicUrl, signUp } = await start(
        t,
        schemaOf(
          {
            emails: { type: 'array', items: EMAIL },
            people: { type: 'array', items: { type: 'object', properties: { nick: USERNAME } } },
            kind: { enum: ['user'] },
            name: { type: 'string' },
            failed: { anyOf: [{ ...USERNAME, minLength: 10 }, { type: 'string' }] },
          },
          {
            if: { properties: { kind: { const: 'user' } }, required: ['kind'] },
            then: { properties: { name: USERNAME } },
          },
        ),
      )
      t.same((await create({ emails: ['B@x.example', ' a@x.example', 'b@X.example'] })), {
        password: ['a@x.example', 'b@x.example'],
        code: ['a@x.example', 'b@x.example'],
        verifiable: ['a@x.example', 'b@x.example'],
        recovery: ['a@x.example', 'b@x.example'],
      })
      t.match(await create({ emails: [' c@x.example', 'c@x.example'] }), /conflicts/, 'as with another identity')
      t.same((await create({ people: [{ nick: 'Zoe' }, { nick: 'Ada ' }] })).password, ['ada', 'zoe'])
      t.same((await create({ kind: 'user', name: 'Conditional' })).password, ['conditional'])
      t.same((await create({ name: 'plain' })).password, undefined)
      t.same((await create({ failed: 'Short' })).password, ['short'], 'also from a branch that does not hold')
      await signUp({ emails: ['one@x.example', 'two@x.example'], people: [] })
      t.equal((await logIn(publicUrl, 'two@x.example')).status, 200)
    })

    t.test('blanks around an identifier count neither at sign-up nor at login (case 69)', async (t) => {
      const { admin, publicUrl, signUp, create } = await start(t, schemaOf({ email: EMAIL, name: USERNAME }))
      await signUp({ email: 'ada@x.example', name: ' Ada\u00a0' })
      for (const typed of ['ada@x.example ', '\tADA@x.example', '\u00a0ada@x.example\n', 'ada', ' Ada ', '\u0085ada']) {
        t.equal((await logIn(publicUrl, typed)).status, 200, JSON.stringify(typed))
      }
      t.equal((await logIn(publicUrl, '\ufeffada')).status, 400, 'U+FEFF is no blank in Go')
      t.equal((await admin('GET', '/identities?credentials_identifier=%20ada%20')).body['length'], 1)
      t.equal((await admin('GET', '/identities?preview_credentials_identifier_similar=%20ad')).body['length'], 1)
      t.equal((await admin('GET', '/identities?preview_credentials_identifier_similar=ada%20')).body['length'], 0)
      t.same((await create({ name: 'İx' })).password, ['ix'], 'letter by letter')
      t.match(await create({ name: ' ' }), /missing or empty identifier/)
    })
  })

  t.test('texts about traits', async (t) => {
    t.test('say one thing about a wrong type, and show an empty e-mail in words (cases 73, 79, 88)', async (t) => {
      const { signUp } = await start(t, schemaOf(
        {
          email: EMAIL,
          tos: { type: 'boolean', const: true },
          role: { type: 'string', enum: ['a', 'b'] },
          five: { const: 5 },
          not: { type: 'string', not: { const: 1 } },
        },
        { dependencies: { tos: ['role'] }, propertyNames: { maxLength: 8 }, maxProperties: 6, additionalProperties: true },
      ))
      t.same(messagesOf(await signUp({ email: '', tos: 'on', role: 5, five: 6, not: 5 })), {
        'traits.email': [[4000001, '"" is not valid "email"']],
        'traits.tos': [[4000026, 'expected boolean, but got string']],
        'traits.role': [[4000026, 'expected string, but got number']],
        'traits.five': [[4000029, 'must be equal to constant "5"']],
        'traits.not': [[4000026, 'expected string, but got number']],
      })
      t.same(messagesOf(await signUp({ email: 'a@x.example', tos: true, a_long_name: 1 })), {
        traits: [[4000001, 'property "role" is required, if "tos" property exists']],
        'traits.a_long_name': [[4000017, 'length must be <= 8, but got 11']],
      })
    })

    t.test('in the admin API are the tree of Kratos\' validator', async (t) => {
      const schema = schemaOf({
        a: { allOf: [{ minLength: 3 }, { pattern: '^a' }] },
        b: { anyOf: [{ type: 'string' }, { minimum: 1000000 }] },
        c: { if: { type: 'string' }, then: { minLength: 3 } },
        d: { $ref: '#/definitions/d' },
        e: { multipleOf: 0.1 },
      })
      schema.definitions = { d: { minLength: 2 } }
      const { create } = await start(t, schema)
      const below = '#/properties/traits/properties'
      const lines = async (traits: object): Promise<string[]> => String(await create(traits)).split('\n')
      t.same(await lines({ a: 'b' }), [
        `I[#/traits/a] S[${below}/a] validation failed`,
        `  I[#/traits/a] S[${below}/a/allOf/0] allOf failed`,
        `    I[#/traits/a] S[${below}/a/allOf/0/minLength] length must be >= 3, but got 1`,
        `  I[#/traits/a] S[${below}/a/allOf/1] allOf failed`,
        `    I[#/traits/a] S[${below}/a/allOf/1/pattern] does not match pattern "^a"`,
      ])
      t.same(await lines({ b: 5 }), [
        `I[#/traits/b] S[${below}/b/anyOf] anyOf failed`,
        `  I[#/traits/b] S[${below}/b/anyOf/0/type] expected string, but got number`,
        `  I[#/traits/b] S[${below}/b/anyOf/1/minimum] must be >= 1e+06 but found 5`,
      ])
      t.same(await lines({ c: 'x' }), [
        `I[#/traits/c] S[${below}/c/then] if-then failed`,
        `  I[#/traits/c] S[${below}/c/then/minLength] length must be >= 3, but got 1`,
      ])
      t.same(await lines({ d: 'x' }), [
        `I[#/traits/d] S[${below}/d/$ref] doesn't validate with "#/definitions/d"`,
        '  I[#/traits/d] S[#/definitions/d/minLength] length must be >= 2, but got 1',
      ])
      t.match(await create({ e: 0.35 }), /0.35 not multipleOf 0.1$/)
      t.type(await create({ e: 0.3 }), 'object')
    })

    t.test('formats are read as Go reads them; unknown ones mean nothing (case 80)', async (t) => {
      const formats = ['uri', 'date-time', 'date', 'time', 'email', 'ipv4', 'ipv6', 'hostname', 'regex', 'json-pointer']
      const { create } = await start(t, schemaOf(
        Object.fromEntries([...formats, 'uuid', 'no-such'].map((format) => [format.replace('-', '_'), { format }])),
      ))
      const valid = async (format: string, value: unknown): Promise<boolean> =>
        typeof await create({ [format.replace('-', '_')]: value }) !== 'string'
      const taken: Array<[string, string]> = [
        ['uri', 'http://a/b c'], ['uri', 'mailto:x'], ['date-time', '2024-01-01T1:00:00Z'], ['time', '00:00:00,5+01:00'],
        ['email', '"a b"@c'], ['email', ' a@b'], ['ipv4', '01.2.3.4'], ['hostname', 'a.-b'], ['regex', '[[:alpha:]]'],
        ['uuid', 'x'], ['no-such', 'x'], ['ipv6', '::ffff:1.2.3.4'],
      ]
      const refused: Array<[string, unknown]> = [
        ['uri', 'a'], ['uri', 'http://a b'], ['uri', 'http://a:1:2'], ['uri', 'http://a/%zz'],
        ['date-time', '2024-01-01 00:00:00Z'], ['date-time', '2024-01-01T00:00:60Z'], ['date', '2024-02-30'],
        ['email', 'a@b.'], ['email', 'a..b@c'], ['email', 'A <a@b>'], ['email', 5], ['ipv6', 'fe80::1%eth0'],
        ['hostname', '-a'], ['regex', '(?=a)'], ['json-pointer', '/~~'],
      ]
      for (const [format, value] of taken) t.ok(await valid(format, value), `${format} ${value}`)
      for (const [format, value] of refused) t.notOk(await valid(format, value), `${format} ${String(value)}`)
    })
  })

  t.test('schemas', async (t) => {
    t.test('with a pattern that Go has not are refused, with one that it has they are taken (cases 81, 82)', async (t) => {
      for (const pattern of ['^(?=.*[A-Z])', '^(?!admin)', '(?<=a)b', '(.)\\1', '\\Z']) {
        await t.rejects(start(t, schemaOf({ a: { type: 'string', pattern } })), /is not valid "regex"/, pattern)
      }
      const { create } = await start(t, schemaOf({ a: { pattern: '(?i)^\\"[a-z]+\\@\\_\\z' } }))
      t.type(await create({ a: '"AB@_' }), 'object')
      t.match(await create({ a: 'x' }), /does not match pattern "\(\?i\)\^\\\\\\"/)
    })

    t.test('of older drafts are read by their rules, and an unknown draft is 500 at each flow (case 83)', async (t) => {
      const traits = { a: { minimum: 3 }, b: { const: 5 }, c: { if: { type: 'string' }, then: { minLength: 4 } } }
      const draft = (name: string): any => ({ ...schemaOf(traits), $schema: `http://json-schema.org/${name}` })
      const four = await start(t, draft('draft-04/schema#'))
      t.match(await four.create({ a: 1 }), /must be >= 3/)
      t.type(await four.create({ b: 6, c: 'x' }), 'object')
      const six = await start(t, draft('draft-06/schema#'))
      t.match(await six.create({ b: 6 }), /value must be "5"/)
      const unknown = await start(t, draft('draft-07/schema'))
      t.equal((await call('GET', `${unknown.publicUrl}/self-service/registration/api`)).status, 500)
      const loop = schemaOf({ tree: { $ref: '#/definitions/tree' } })
      loop.definitions = { tree: { type: 'object', properties: { next: { $ref: '#/definitions/tree' } } } }
      const circle = await start(t, loop)
      const answer = await call('GET', `${circle.publicUrl}/self-service/registration/api`)
      t.same([answer.status, answer.body['error'].message], [
        500,
        'detected circular dependency in schema path: traits.tree.next',
      ])
    })

    t.test('whose marks have values that Kratos does not know are refused', async (t) => {
      const marked = (extension: object): any => schemaOf({ a: { type: 'string', [MARK]: extension } })
      for (
        const extension of [
          { credentials: { password: { identifier: 'yes' } } },
          { credentials: { code: { identifier: true, via: 'fax' } } },
          { verification: { via: 'pigeon' } },
          { recovery: 'email' },
          { credentials: { password: { identifer: true } } },
        ]
      ) await t.rejects(start(t, marked(extension)), /ory\.sh\/kratos/, JSON.stringify(extension))
      await t.rejects(
        start(t, schemaOf({ a: { type: 'string', format: 'uri', [MARK]: { verification: { via: 'email' } } } })),
        /format "uri"/,
      )
    })

    t.test('give a field for each property, also outside the traits (cases 78, 87)', async (t) => {
      const schema = schemaOf(
        {
          email: { $ref: '#/definitions/mail' },
          one: { type: ['string'], title: 'One' },
          role: { enum: ['a'], default: 'a', title: 'Role' },
          free: { type: 'array', title: 'Free' },
          objects: { type: 'array', items: { type: 'object' } },
          pref: { oneOf: [{ const: 'x', title: 'X' }, { const: 'y', title: 'Y' }] },
        },
        { required: ['email', 'one'] },
      )
      schema.definitions = { mail: EMAIL }
      schema.properties.metadata_public = {
        type: 'object',
        properties: { role: { type: 'string', title: 'Public role' } },
        required: ['role'],
      }
      const { publicUrl, signUp } = await start(t, schema)
      t.same(fieldsOf(await call('GET', `${publicUrl}/self-service/registration/api`)), [
        'traits.email email E-Mail',
        'traits.one text required One',
        'traits.role text Role',
        'traits.free text Free',
        'traits.pref text Y',
        'metadata_public.role text required Public role',
      ])
      t.same(
        messagesOf(await signUp({ email: 'a@x.example', one: '1' }))['traits.objects'],
        [[4000026, 'expected array, but got object']],
        'a list of objects that is not sent is an empty object',
      )
    })
  })
}
