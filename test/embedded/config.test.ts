import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { parse } from 'yaml'
import { checkConfig } from '../../kratos/embedded/config/check.js'
import { KEYS } from '../../kratos/embedded/config/keys.js'
import { startEmbeddedKratos, type EmbeddedKratos, type EmbeddedKratosOptions } from '../../kratos/embedded/index.js'
import { setAt, type Json, type JsonObject } from '../../kratos/embedded/json.js'
import { breachesIn } from '../../kratos/embedded/methods/password/breaches.js'
import { call, PASSWORD, register, submitFlow } from './client.js'

const ROOT = join(import.meta.dirname, '../..')
const EMBEDDED = join(ROOT, 'kratos/embedded')
const yaml = (text: string): JsonObject => parse(text, { merge: true })
const kratosYml = (): JsonObject => yaml(readFileSync(join(ROOT, 'kratos/kratos.yml'), 'utf8'))

/** The example configuration with one setting changed. */
function changed (path: string, value: Json): JsonObject {
  const config = kratosYml()
  setAt(config, path, value)
  return config
}

async function start (t: Test, options: EmbeddedKratosOptions): Promise<EmbeddedKratos> {
  const kratos = await startEmbeddedKratos(options)
  t.teardown(async () => await kratos.close())
  return kratos
}

const PROVIDER = { id: 'dummy', provider: 'generic', client_id: 'a', client_secret: 'b', mapper_url: 'base64://e30=' }
const PROVIDERS = 'selfservice.methods.oidc.config.providers'
const HOOK = 'selfservice.flows.login.after.hooks'

/** A setting, and the line that is expected about it. */
const REFUSED: Array<[string, Json, RegExp]> = [
  [
    'selfservice.flows.login.lifspan',
    '1h',
    /^selfservice\.flows\.login has no setting "lifspan"; known here: .*lifespan/,
  ],
  ['sesion', {}, /^the configuration has no setting "sesion"; known here: .*session/],
  ['selfservice.methods.pasword', {}, /^selfservice\.methods has no setting "pasword"/],
  ['session.lifespan', '1 day', /^session\.lifespan wants a duration such as 10m or 24h$/],
  ['session.lifespan', 3600, /^session\.lifespan wants a duration/],
  ['session.whoami.required_aal', 'aal3', /^session\.whoami\.required_aal wants aal1 or highest_available$/],
  ['session.cookie.persistent', 'no', /^session\.cookie\.persistent wants true or false$/],
  ['cookies.secure', false, /^cookies\.secure wants a text$/],
  ['cookies.same_site', 'lax', /^cookies\.same_site wants Strict, Lax or None$/],
  ['serve.public.base_url', '127.0.0.1:4433', /^serve\.public\.base_url wants a URL/],
  ['serve.admin.base_url', '/relative', /^serve\.admin\.base_url wants a URL such as/],
  ['serve.public.cors', { allowed_methods: ['get'] }, /^serve\.public\.cors\.allowed_methods\[0\] wants POST, GET/],
  ['serve.public.cors', { allowed_origins: ['*', '*'] }, /^serve\.public\.cors\.allowed_origins has an item twice$/],
  ['courier.smtp.connection_uri', 'http://127.0.0.1:1025', /^courier\.smtp\.connection_uri wants a URL with smtp/],
  ['courier.channels', [{ id: 'email', request_config: {} }], /^courier\.channels\[0\]\.id wants sms$/],
  ['courier.templates', { recovery: { valid: {} } }, /^courier\.templates\.recovery\.valid lacks email$/],
  ['log', { level: 'loud' }, /^log\.level wants trace, /],
  ['log', { colour: true }, /^log has no setting "colour"/],
  ['secrets', { cookie: ['a-cookie-secret-for-tests'] }, /^the configuration lacks secrets\.cipher, which ciphers/],
  ['hashers.argon2', { memory: 128 }, /^hashers\.argon2\.memory wants an amount/],
  ['selfservice.methods.webauthn', { enabled: true }, /^selfservice\.methods\.webauthn lacks config$/],
  [
    'selfservice.methods.code',
    { passwordless_enabled: true, mfa_enabled: true },
    /^selfservice\.methods\.code has passwordless_enabled and mfa_enabled/,
  ],
  [PROVIDERS, [{ ...PROVIDER, provider: 'myspace' }], /providers\[0\]\.provider wants generic, github/],
  [PROVIDERS, [{ ...PROVIDER, provider: 'microsoft' }], /providers\[0\] lacks microsoft_tenant$/],
  [PROVIDERS, [{ ...PROVIDER, provider: 'apple' }], /providers\[0\] lacks apple_private_key_id$/],
  [PROVIDERS, [{ ...PROVIDER, apple_team_id: 'team' }], /providers\[0\] has apple_team_id, which only apple knows$/],
  ['serve.public.port', 70_000, /^serve\.public\.port wants a whole number from 1 to 65535$/],
  ['secrets.cookie', ['short'], /^secrets\.cookie\[0\] wants at least 16 characters$/],
  ['secrets.cipher', ['short'], /^secrets\.cipher\[0\] wants 32 characters$/],
  ['secrets.cookie', 'not-a-list-but-a-text', /^secrets\.cookie wants a list$/],
  ['selfservice.methods', true, /^selfservice\.methods wants settings of its own below it$/],
  ['selfservice.flows.login.after', null, /^selfservice\.flows\.login\.after has no value$/],
  ['hashers.bcrypt.cost', 3, /^hashers\.bcrypt\.cost wants a whole number from 4 to 31$/],
  ['identity.schemas', [{ id: 'default' }], /^identity\.schemas\[0\] lacks url$/],
  [
    'identity.schemas',
    [{ id: 'default', url: 'person.json' }],
    /^identity\.schemas\[0\]\.url wants a URL/,
  ],
  [
    HOOK,
    [{ hook: 'session' }],
    /^selfservice\.flows\.login\.after\.hooks\[0\] is the hook "session", but wants web_hook, revoke_active_sessions/,
  ],
  [HOOK, [{ hook: 'web_hook' }], /hooks\[0\] lacks config$/],
  [
    HOOK,
    [
      {
        hook: 'web_hook',
        config: { url: 'http://a', method: 'POST', auth: { type: 'api_key', config: { name: 'X-Key', in: 'header' } } },
      },
    ],
    /hooks\[0\]\.config\.auth needs config\.value$/,
  ],
  [
    HOOK,
    [{ hook: 'web_hook', config: { method: 'POST' } }],
    /^selfservice\.flows\.login\.after\.hooks\[0\]\.config lacks url$/,
  ],
  [
    HOOK,
    [{ hook: 'web_hook', config: { url: 'http://a', method: 'POST', response: { ignore: true, parse: true } } }],
    /hooks\[0\]\.config ignores the response and wants to read it$/,
  ],
  [
    HOOK,
    [{ hook: 'web_hook', config: { url: 'http://a', method: 'POST', auth: { type: 'bearer', config: {} } } }],
    /hooks\[0\]\.config\.auth\.type wants api_key or basic_auth$/,
  ],
]

/** The last names of a path of the table: those of `a.{b,c}[]` are b and c. */
const lastNames = (pattern: string): string[] =>
  pattern
    .replace(/(\[\]|\.\*)+$/, '')
    .replace(/^.*\.(?![^{]*\})/, '')
    .replace(/[{}]/g, '')
    .split(',')

/** As in Ory's quick start, with the schema beside it. */
const QUICKSTART = `
version: v0.13.0
dsn: memory
serve:
  public: { base_url: 'http://127.0.0.1:4433/', cors: { enabled: true } }
  admin: { base_url: 'http://kratos:4434/' }
selfservice:
  default_browser_return_url: http://127.0.0.1:4455/
  allowed_return_urls: ['http://127.0.0.1:4455', 'http://localhost:19006/Callback', 'exp://localhost:8081/--/Callback']
  methods: &methods
    password: { enabled: true, config: { haveibeenpwned_enabled: false } }
    code: { enabled: true }
  flows:
    registration: { ui_url: 'http://127.0.0.1:4455/registration', after: { password: { hooks: [{ hook: session }] } } }
log: { level: debug, format: text, leak_sensitive_values: true }
secrets: { cookie: [PLEASE-CHANGE-ME-I-AM-VERY-INSECURE], cipher: [32-LONG-SECRET-NOT-SECURE-AT-ALL] }
ciphers: { algorithm: xchacha20-poly1305 }
hashers: { algorithm: bcrypt, bcrypt: { cost: 4 } }
identity: { default_schema_id: default, schemas: [{ id: default, url: 'file://./person.json' }] }
courier: { smtp: { connection_uri: 'smtps://test:test@mail:1025/?skip_ssl_verify=true' } }
tracing: { provider: jaeger }
`

export default async function (t: Test): Promise<void> {
  t.test('configuration of the embedded Kratos', async (t) => {
    t.test('refuses what Kratos refuses, with the path', async (t) => {
      t.strictSame(checkConfig(kratosYml()).problems, [], "the repository's own is fine")
      for (const [path, value, line] of REFUSED) {
        const { problems } = checkConfig(changed(path, value))
        t.equal(problems.length, 1, `${path}: ${problems.join(' | ')}`)
        t.match(problems[0], line)
      }
    })

    t.test('lists all problems at once, and leaves nothing running', async (t) => {
      const overrides = { session: { lifespan: 'long' }, selfservice: { methods: { totp: { enabled: 'yes' } } } }
      await t.rejects(startEmbeddedKratos({ overrides }), {
        message:
          /kratos\.yml cannot be used:\n {2}selfservice\.methods\.totp\.enabled .*\n {2}session\.lifespan wants a duration[^\n]*$/,
      })
      await t.rejects(startEmbeddedKratos({ config: {} }), { message: /lacks identity\n.*lacks selfservice/ })
      await t.rejects(startEmbeddedKratos({ config: { selfservice: {} }, schema: {} }), {
        message: 'the configuration cannot be used: selfservice lacks default_browser_return_url',
      })
    })

    t.test('prints no secret', async (t) => {
      const message = await startEmbeddedKratos({ overrides: { secrets: { cookie: ['hunter2'] } } }).then(
        () => '',
        (error: Error) => error.message,
      )
      t.match(message, 'secrets.cookie[0]')
      t.notMatch(message, 'hunter2')
    })

    t.test('every setting that the table calls read occurs in the code', async (t) => {
      const files = readdirSync(EMBEDDED, { recursive: true, encoding: 'utf8' }).filter(
        (name) => /\.ts$/.test(name) && !/^config\W(keys|types|defaults|newer)/.test(name),
      )
      const code = files.map((name) => readFileSync(join(EMBEDDED, name), 'utf8')).join('\n')
      const names = Object.entries(KEYS).flatMap(([pattern, rule]) => rule.kind === 'read' ? lastNames(pattern) : [])
      t.ok(names.length > 60)
      t.strictSame(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(code)), [])
    })

    t.test("runs Ory's quick start from another folder, with merge keys, and says what it ignores", async (t) => {
      const folder = t.testdir()
      mkdirSync(join(folder, 'kratos'))
      writeFileSync(
        join(folder, 'kratos/kratos.yml'),
        QUICKSTART.replace('    password:', '    <<: { totp: { enabled: true } }\n    password:'),
      )
      writeFileSync(join(folder, 'kratos/person.json'), readFileSync(join(ROOT, 'kratos/identity.schema.json')))
      const lines: string[] = []
      const kratos = await start(t, { config: join(folder, 'kratos/kratos.yml'), logger: (line) => lines.push(line) })
      t.equal((await register(kratos.publicUrl, 'quick@example.test')).status, 200)
      for (const name of ['dsn', 'log.level', 'tracing.provider', 'ciphers.algorithm']) {
        t.equal(
          lines.filter((line) => new RegExp(`^not used from the configuration: (.*, )?${name}(, .*)? \\(`).test(line))
            .length,
          1,
          name,
        )
      }
      t.match(lines.join('\n'), /for development and tests only[^]*not built: .*organizations[^]*501/)
    })

    t.test('a file or schema that cannot be read gives one line with its name', async (t) => {
      const folder = t.testdir({ 'broken.yml': 'a: b: c\n', 'list.yml': '- a\n', 'text.json': 'not JSON' })
      const lineOf = async (options: EmbeddedKratosOptions): Promise<string> =>
        await startEmbeddedKratos(options).then(
          () => 'started',
          ({ message }) => message,
        )
      t.match(await lineOf({ config: join(folder, 'none.yml') }), /^ENOENT[^\n]*none\.yml'$/)
      t.match(
        await lineOf({ config: join(folder, 'broken.yml') }),
        /broken\.yml cannot be read as YAML: [^\n]* line 1, column 4$/,
      )
      t.match(await lineOf({ config: join(folder, 'list.yml') }), /list\.yml cannot be used: it holds no settings$/)
      t.match(await lineOf({ schema: join(folder, 'text.json') }), /^the identity schema cannot be read: [^\n]*JSON$/)
      t.match(
        await lineOf({ overrides: { identity: { schemas: [{ id: 'default', url: 'file://./none.json' }] } } }),
        /^identity\.schemas\[0\]\.url cannot be read: ENOENT/,
      )
      t.match(
        await lineOf({ overrides: { identity: { default_schema_id: 'other' } } }),
        'identity.default_schema_id is other, but the schemas are default',
      )
      t.match(
        await lineOf({ schema: { properties: { traits: { properties: { a: { type: 'strng' } } } } } }),
        /^the identity schema is no JSON Schema: /,
      )
      t.match(
        await lineOf({
          schema: {
            properties: {
              traits: { type: 'object', properties: { a: { type: 'string', 'ory.sh/kratos': { recovry: {} } } } },
            },
          },
        }),
        /has "recovry" in ory\.sh\/kratos of traits\.a/,
      )
      t.match(await lineOf({ database: folder }), /^the database .* cannot be used: /)
    })
  })

  t.test('settings that change answers', async (t) => {
    t.test('a second factor is required by default, as in Kratos, and the file can have --dev', async (t) => {
      const config = {
        identity: { schemas: [{ id: 'default', url: `file://${join(ROOT, 'kratos/identity.schema.json')}` }] },
        selfservice: { default_browser_return_url: 'http://127.0.0.1/' },
      }
      const kratos = await start(t, { config: { ...config, dev: false } })
      const [cookie = ''] = (await call('GET', `${kratos.publicUrl}/self-service/login/browser`)).headers.getSetCookie()
      t.match(cookie, /; Secure/)
      t.notMatch(
        (
          await call('GET', `${(await start(t, { config })).publicUrl}/self-service/login/browser`)
        ).headers.getSetCookie()[0],
        /Secure/,
      )
    })

    t.test('cookies.secure is for the CSRF cookie, session.cookie.secure for the session cookie', async (t) => {
      const cookies = async (overrides: JsonObject): Promise<string[]> => {
        const { publicUrl } = await start(t, { overrides: { ...overrides, hashers: { bcrypt: { cost: 4 } } } })
        const init = await call('GET', `${publicUrl}/self-service/registration/browser`)
        const cookie = init.headers.getSetCookie().map((line) => line.split(';')[0]).join('; ')
        const token = init.body['ui'].nodes.find(
          ({ attributes }: { attributes: { name: string } }) => attributes.name === 'csrf_token',
        ).attributes.value
        const body = {
          method: 'password',
          password: PASSWORD,
          traits: { email: 'cookie@example.test' },
          csrf_token: token,
        }
        return (
          await call('POST', `${publicUrl}/self-service/registration?flow=${init.body['id']}`, {
            body,
            headers: { cookie },
          })
        ).headers.getSetCookie()
      }
      const csrfOnly = await cookies({ cookies: { secure: 'true', same_site: 'Strict' } })
      t.match(csrfOnly, [
        /^csrf_token_.*; Secure; SameSite=Strict$/,
        /^ory_kratos_session=(?!.*Secure).*SameSite=Strict$/,
      ])
      t.match(await cookies({ session: { cookie: { secure: 'true' } } }), [
        /^csrf_token_(?!.*Secure)/,
        /^ory_kratos_session=.*; Secure/,
      ])
    })

    t.test('CORS answers only preflights of allowed origins, methods and headers', async (t) => {
      const origin = 'https://app.example.test'
      const kratos = await start(t, {
        overrides: {
          serve: { public: { cors: { enabled: true, allowed_origins: [origin, 'https://*.wild.test'], max_age: 5 } } },
        },
      })
      const preflight = async (headers: Record<string, string>): Promise<Headers> => {
        const answer = await call('OPTIONS', `${kratos.publicUrl}/self-service/login`, {
          headers: { 'access-control-request-method': 'POST', ...headers },
        })
        t.equal(answer.status, 204)
        return answer.headers
      }
      const allowed = await preflight({ origin, 'access-control-request-headers': 'content-type,x-session-token' })
      t.strictSame(
        ['origin', 'methods', 'headers', 'credentials'].map((name) => allowed.get(`access-control-allow-${name}`)),
        [origin, 'POST', 'content-type,x-session-token', 'true'],
      )
      t.equal(allowed.get('access-control-max-age'), '5')
      const allowedOrigin = async (headers: Record<string, string>): Promise<string | null> =>
        (await preflight(headers)).get('access-control-allow-origin')
      t.equal(await allowedOrigin({ origin: 'https://a.wild.test' }), 'https://a.wild.test')
      for (
        const headers of [
          { origin: 'https://evil.test' },
          { origin, 'access-control-request-method': 'TRACE' },
          { origin, 'access-control-request-headers': 'x-other' },
        ]
      ) {
        t.equal(await allowedOrigin(headers), null, JSON.stringify(headers))
      }
      const { headers } = await call('GET', `${kratos.publicUrl}/sessions/whoami`, { headers: { origin } })
      t.strictSame([headers.get('access-control-allow-origin'), headers.get('vary')], [origin, 'Origin, Cookie'])
    })

    t.test('breaches are looked up; without a network the password passes, unless errors are not ignored', async (t) => {
      const suffix = '1'.repeat(35)
      t.strictSame(
        [`0${suffix}:9\r\n${suffix}:1,234`, suffix, `${'0'.repeat(35)}:7`].map((range) => breachesIn(range, suffix)),
        [1234, 1, 0],
      )
      const password = (ignore: boolean): JsonObject => ({
        enabled: true,
        config: { haveibeenpwned_enabled: true, haveibeenpwned_host: '127.0.0.1:1', ignore_network_errors: ignore },
      })
      const statuses = await Promise.all([true, false].map(async (ignore) => {
        const kratos = await start(t, { overrides: { selfservice: { methods: { password: password(ignore) } } } })
        return (await register(kratos.publicUrl, 'leak@example.test')).status
      }))
      t.strictSame(statuses, [200, 502])
    })

    t.test('argon2 uses the whole password, however long', async (t) => {
      const long = 'Xq7-velvet-harbor-42 '.repeat(5)
      const kratos = await start(t, { overrides: { hashers: { algorithm: 'argon2', bcrypt: { cost: 4 } } } })
      t.equal(
        (
          await submitFlow(kratos.publicUrl, 'registration', {
            method: 'password',
            password: long,
            traits: { email: 'long@example.test' },
          })
        ).status,
        200,
      )
      const logIn = async (password: string): Promise<number> =>
        (await submitFlow(kratos.publicUrl, 'login', { method: 'password', identifier: 'long@example.test', password }))
          .status
      t.strictSame([await logIn(long), await logIn(`${long}x`)], [200, 400])
    })
  })
}
