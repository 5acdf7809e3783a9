import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { readFileSync } from 'node:fs'
import type { Test } from 'tap'
import { checkConfig } from '../../kratos/embedded/config/check.js'
import { readConfig } from '../../kratos/embedded/config/load.js'
import { startEmbeddedKratos, type EmbeddedKratos, type EmbeddedKratosOptions } from '../../kratos/embedded/index.js'
import type { Json, JsonObject } from '../../kratos/embedded/json.js'
import { call, register } from './client.js'
import { freePorts } from '../support/process.js'

const SCHEMA = join(import.meta.dirname, '../../kratos/identity.schema.json')

async function start (t: Test, options: EmbeddedKratosOptions): Promise<EmbeddedKratos> {
  const kratos = await startEmbeddedKratos(options)
  t.teardown(async () => await kratos.close())
  return kratos
}

const BASE: JsonObject = {
  selfservice: { default_browser_return_url: 'http://127.0.0.1:3001/', flows: { registration: { style: 'unified' } } },
  identity: { schemas: [{ id: 'default', url: `file://${SCHEMA}` }] },
  hashers: { algorithm: 'bcrypt', bcrypt: { cost: 4 } },
}

const provider = (more: JsonObject): Json => ({
  id: 'one',
  client_id: 'a',
  client_secret: 'b',
  mapper_url: 'base64://e30=',
  ...more,
})
const withProviders = (...providers: Json[]): JsonObject => ({
  ...BASE,
  selfservice: { ...(BASE['selfservice'] as JsonObject), methods: { oidc: { enabled: true, config: { providers } } } },
})

export default async function (t: Test): Promise<void> {
  t.test('environment variables', async (t) => {
    const read = (env: Record<string, string>, config = BASE) => readConfig({ config, env }).values

    t.test('name settings as in Kratos, with the values that it makes of them', async (t) => {
      const values = read({
        SELFSERVICE_FLOWS_RECOVERY_ENABLED: 'true',
        SELFSERVICE_FLOWS_LOGIN_UI_URL: 'http://127.0.0.1:3001/from-here',
        SERVE_PUBLIC_PORT: '4455',
        session_lifespan: '1h',
        SELFSERVICE_ALLOWED_RETURN_URLS: 'http://a.example,http://b.example',
        SECRETS_COOKIE_0: 'a-secret-from-the-environment',
        SECRETS_CIPHER: '["32-characters-for-tests-00000000"]',
        NOTHING_OF_KRATOS: 'x',
      })
      t.equal(values.selfservice.flows.recovery.enabled, true)
      t.equal(values.selfservice.flows.login.ui_url, 'http://127.0.0.1:3001/from-here')
      t.equal(values.serve.public.port, 4455)
      t.equal(values.session.lifespan, '1h')
      t.strictSame(values.selfservice.allowed_return_urls, ['http://a.example', 'http://b.example'])
      t.strictSame(values.secrets, {
        cookie: ['a-secret-from-the-environment'],
        cipher: ['32-characters-for-tests-00000000'],
      })
    })

    t.test('reach into lists by index, and hold lists and sections as JSON', async (t) => {
      const config = withProviders(provider({ provider: 'github' }), provider({ id: 'two', provider: 'google' }))
      const providers = (env: Record<string, string>): Json =>
        (read(env, config).selfservice.methods['oidc']?.config as JsonObject)['providers'] ?? null
      t.match(providers({ SELFSERVICE_METHODS_OIDC_CONFIG_PROVIDERS_1_CLIENT_SECRET: 'from-here' }), [
        { id: 'one', client_secret: 'b' },
        { id: 'two', client_secret: 'from-here' },
      ])
      const list = JSON.stringify([{ id: 'first' }])
      t.match(
        providers({ SELFSERVICE_METHODS_OIDC_CONFIG_PROVIDERS: list }),
        [{ id: 'first', provider: 'github' }, { id: 'two' }],
        'as in Kratos, item by item',
      )
    })

    t.test('are checked like the file, and those of the process are not for Kratos', async (t) => {
      t.throws(() => read({ SERVE_PUBLIC_PORT: 'many' }), /serve\.public\.port wants a whole number/)
      t.throws(() => read({ SESSION_LIFESPAN: 'long' }), /session\.lifespan wants a duration/)
      t.doesNotThrow(() => read({ LOG_LEVEL: 'silent', VERSION: '1', HELP: 'yes', CONFIG: 'x' }))
    })

    t.test('are those of the process by default', async (t) => {
      process.env['SELFSERVICE_FLOWS_REGISTRATION_ENABLED'] = 'false'
      t.teardown(() => delete process.env['SELFSERVICE_FLOWS_REGISTRATION_ENABLED'])
      const kratos = await start(t, {})
      t.equal((await call('GET', `${kratos.publicUrl}/self-service/registration/api`)).status, 400)
    })
  })

  t.test('several files', async (t) => {
    t.test('are merged in their order: sections are merged, other values replaced', async (t) => {
      const folder = t.testdir({
        'one.yml': JSON.stringify({ ...BASE, session: { lifespan: '1h', cookie: { name: 'one' } } }),
        'two.json': JSON.stringify({ session: { lifespan: '2h' }, selfservice: { allowed_return_urls: ['http://x'] } }),
        'three.toml': '[session.cookie]\ndomain = "example.test"\n',
        'four.conf': '',
      })
      const files = ['one.yml', 'two.json', 'three.toml'].map((name) => join(folder, name))
      const { values } = readConfig({ config: files, env: {} })
      t.match(values.session, { lifespan: '2h', cookie: { name: 'one', domain: 'example.test' } })
      t.throws(() => readConfig({ config: join(folder, 'four.conf'), env: {} }), /its name must end with \.yml/)
    })
  })

  t.test('what is not built', async (t) => {
    const leftOut = (config: JsonObject): string[] => {
      const verdict = checkConfig(config)
      t.strictSame(verdict.problems, [])
      return [...verdict.leftOut.values()].flat()
    }

    t.test('is left out and told, and is an error only with strict', async (t) => {
      const config = {
        ...BASE,
        organizations: [{ id: 'a' }],
        clients: { http: { disallow_private_ip_ranges: true } },
        enterprise: { identity_schema_fallback_url_template: 'https://app.test/schemas/' },
      }
      t.strictSame(leftOut(config).sort(), [
        'clients.http.disallow_private_ip_ranges',
        'enterprise.identity_schema_fallback_url_template',
        'organizations[0]',
      ])
      const lines: string[] = []
      await start(t, { config, env: {}, logger: (line) => lines.push(line) })
      t.match(lines.join('\n'), /left out of the configuration: organizations\[0\] \(not built: organizations\)/)
      await t.rejects(startEmbeddedKratos({ config, env: {}, strict: true }), {
        message: /organizations\[0\] would be left out \(not built: organizations\)/,
      })
    })

    t.test('includes hooks, providers and settings that only other versions or editions have', async (t) => {
      const hook = (name: string) => ({
        ...BASE,
        selfservice: {
          ...(BASE['selfservice'] as JsonObject),
          flows: { settings: { after: { hooks: [{ hook: name, config: { any: 1 } }] } } },
        },
      })
      t.strictSame(leftOut(hook('b2b_sso')), ['selfservice.flows.settings.after.hooks[0]'])
      t.strictSame(leftOut(hook('notify_previous_addresses')), ['selfservice.flows.settings.after.hooks[0]'])
      t.strictSame(leftOut(withProviders(provider({ provider: 'spotify' }))), [
        'selfservice.methods.oidc.config.providers[0]',
      ])
      t.strictSame(leftOut({ ...BASE, clients: { smtp: { disallow_private_ip_ranges: true } } }), [])
      t.strictSame(leftOut({ ...BASE, feature_flags: { refresh_login_choose_address: true } }), [
        'feature_flags.refresh_login_choose_address',
      ])
      t.strictSame(leftOut({ ...BASE, version: 'v27.0.0', brand_new: { a: 1 } }), ['brand_new'])
      t.strictSame(checkConfig({ ...BASE, version: 'v1.0.0', brand_new: {} }).problems.length, 1)
    })

    t.test('a section without settings is taken where Kratos takes it', async (t) => {
      const kratos = await start(t, { config: { ...BASE, feature_flags: null }, env: {} })
      t.equal((await register(kratos.publicUrl, 'empty@example.test')).status, 200)
      t.strictSame(checkConfig({ ...BASE, session: null }).problems, ['session has no value'])
    })
  })

  t.test('addresses', async (t) => {
    t.test('schemas come from http:// too; one that cannot be had is an error', async (t) => {
      const server = createServer((request, response) => {
        response.writeHead(request.url === '/person.json' ? 200 : 404).end(readFileSync(SCHEMA))
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      t.teardown(() => server.close())
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      const config = (path: string) => ({ ...BASE, identity: { schemas: [{ id: 'default', url: `${url}/${path}` }] } })
      const kratos = await start(t, { config: config('person.json'), env: {} })
      t.equal((await register(kratos.publicUrl, 'http@example.test')).status, 200)
      await t.rejects(startEmbeddedKratos({ config: config('none.json'), env: {} }), {
        message: /^identity\.schemas\[0\]\.url cannot be read: http:.*none\.json answered 404$/,
      })
    })

    t.test('base64:// is standard base64 with its padding', async (t) => {
      const schema = readFileSync(SCHEMA).toString('base64')
      const start = async (text: string): Promise<void> => {
        const config = { ...BASE, identity: { schemas: [{ id: 'default', url: `base64://${text}` }] } }
        await (await startEmbeddedKratos({ config, env: {} })).close()
      }
      await start(schema)
      await t.rejects(start(`${schema.replace(/=+$/, '')}a`), /illegal base64 data/, 'a letter too many')
      await t.rejects(start(schema.replace(/=*$/, '-_==')), /illegal base64 data/, 'letters for URLs')
    })

    t.test('a server with ports of its own names them', async (t) => {
      const [publicPort = 0, adminPort = 0] = await freePorts(2)
      const kratos = await start(t, { publicPort, adminPort })
      const { body } = await call('GET', `${kratos.publicUrl}/self-service/registration/api`)
      t.equal(new URL(String(body['ui'].action)).origin, kratos.publicUrl)
    })
  })

  t.test('named providers of social login', async (t) => {
    t.test('are played by the built-in provider', async (t) => {
      const mapper = "local claims = std.extVar('claims'); { identity: { traits: { email: claims.email } } }"
      const config = withProviders(
        provider({
          id: 'google',
          provider: 'google',
          scope: ['email'],
          mapper_url: `base64://${Buffer.from(mapper).toString('base64')}`,
        }),
      )
      const kratos = await start(t, { config, env: {} })
      kratos.oidcProvider?.signInAs({ sub: '1', email: 'google@example.test' })
      const { body } = await call('GET', `${kratos.publicUrl}/self-service/registration/browser`, {
        headers: { accept: 'application/json' },
      })
      const submitted = await fetch(body['ui'].action, {
        method: 'POST',
        redirect: 'manual',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ provider: 'google' }),
      })
      t.match(submitted.headers.get('location'), `${kratos.oidcProvider?.issuer}/`)
    })
  })
}
