import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { parse } from 'yaml'
import { startEmbeddedKratos } from '../../kratos/embedded/index.js'
import { loadConfig } from '../../src/config.js'
import { diagnose } from '../../src/doctor/diagnose.js'
import { ENVIRONMENT_CHECKS } from '../../src/doctor/environment-checks.js'
import { FILE_CHECKS } from '../../src/doctor/file-checks.js'
import { type Finding, runChecks } from '../../src/doctor/finding.js'
import { HOOK_CHECKS } from '../../src/doctor/hook-checks.js'
import { examine as examinePlugin } from '../../src/doctor/plugin-doctor.js'
import { PROBE_CHECKS } from '../../src/doctor/probe-checks.js'
import type { JsonObject } from '../../src/kratos-client/kratos-body.js'
import { DATABASE_CHECKS } from '../../src/service/doctor/database-checks.js'
import type { DatabaseFacts, ServerFacts } from '../../src/service/doctor/database-facts.js'
import { environmentFacts } from '../../src/service/doctor/settings-facts.js'
import { ENVIRONMENT, temporaryFolder, WEBHOOK_KEY } from '../support/app.js'
import { ROOT } from '../support/process.js'
import { answer, startFaultServer } from '../support/fault-server.js'

type Env = Record<string, string>
type Tree = Record<string, any>

/** The repository's kratos.yml with secrets of its own: nothing is wrong with it. */
async function goodConfig (): Promise<Tree> {
  const text = await readFile(join(ROOT, 'kratos/kratos.yml'), 'utf8')
  return parse(
    text.replaceAll('development-webhook-key-printed-in-kratos-yml', WEBHOOK_KEY)
      .replace('development-cookie-secret-printed-in-kratos-yml', 'a-cookie-secret-of-this-suite')
      .replace('development-cipher-32-characters', '32-characters-of-this-suite-only'),
    { merge: true },
  )
}

interface Broken {
  /** Name of the check, and what it says. */
  finds: string
  says: RegExp
  /** What is broken in kratos.yml. */
  config?: (config: Tree) => void | Promise<void>
  env?: (urls: { publicUrl: string, adminUrl: string }) => Env
  dev?: boolean
}

/** What the doctor says in front of an embedded Kratos with this configuration. */
async function examine (t: Test, { config: damage = async () => {}, env = () => ({}), dev = true }: Omit<Broken, 'finds' | 'says'> = {}): Promise<Finding[]> {
  const config = await goodConfig()
  await damage(config)
  const kratos = await startEmbeddedKratos({ config: structuredClone(config), folder: join(ROOT, 'kratos'), dev, watchCourier: false })
  t.teardown(() => kratos.close())
  const { publicUrl, adminUrl } = kratos
  const urls = { KRATOS_PUBLIC_URL: publicUrl, KRATOS_ADMIN_URL: adminUrl }
  const given = { ...ENVIRONMENT, ...urls, ...env({ publicUrl, adminUrl }) }
  // What the ports decided is written down as an operator would.
  if (config['serve'].public.base_url === 'http://127.0.0.1:4433/') config['serve'].public.base_url = `${publicUrl}/`
  return await diagnose(environmentFacts(loadConfig(given), given), config as JsonObject)
}

const registration = (config: Tree): Tree => config['selfservice'].flows.registration.after
const hookOf = (config: Tree): Tree => registration(config)['password'].hooks[0].config
const withoutHook = (name: string) => (config: Tree): void => {
  registration(config)['passkey'] = { hooks: registration(config)['passkey'].hooks.filter(({ hook }: Tree) => hook !== name) }
  config['selfservice'].methods.passkey = { enabled: true, config: { rp: { id: 'localhost', display_name: 'x', origins: ['http://localhost:3001'] } } }
}
const withTraits = (properties: Tree, rest: Tree = {}) => (config: Tree): void => {
  const schema = { type: 'object', properties: { traits: { type: 'object', properties, additionalProperties: false } }, ...rest }
  const url = `base64://${Buffer.from(JSON.stringify(schema)).toString('base64')}`
  config['identity'] = { default_schema_id: 'own', schemas: [{ id: 'own', url }] }
}
const TEXT = { type: 'string' }
const EMAIL = { ...TEXT, format: 'email', 'ory.sh/kratos': { credentials: { password: { identifier: true } }, verification: { via: 'email' } } }
const NAME = { type: 'object', properties: { first: TEXT, last: TEXT } }
const HTTPS = { PUBLIC_URL: 'https://api.example.org', CORS_ORIGINS: 'https://app.example.org', TRUST_PROXY: '10.1.2.3' }

const SOCIAL = { enabled: true, config: { providers: [{ id: 'x', provider: 'generic', client_id: 'x', client_secret: 'x', issuer_url: 'http://127.0.0.1:9', mapper_url: 'base64://e30=' }] } }

const BROKEN: Broken[] = [
  { finds: 'kratos-urls-mixed-up', says: /swap KRATOS_PUBLIC_URL and KRATOS_ADMIN_URL/, env: ({ publicUrl, adminUrl }) => ({ KRATOS_PUBLIC_URL: adminUrl, KRATOS_ADMIN_URL: publicUrl }) },
  { finds: 'kratos-public-url', says: /KRATOS_PUBLIC_URL answers nobody \(/, env: () => ({ KRATOS_PUBLIC_URL: 'http://127.0.0.1:9' }) },
  { finds: 'kratos-admin-url', says: /KRATOS_ADMIN_URL answers nobody \(/, env: () => ({ KRATOS_ADMIN_URL: 'http://127.0.0.1:10' }) },
  { finds: 'base-url', says: /set KRATOS_BROWSER_URL to http/, env: () => ({ KRATOS_BROWSER_URL: 'https://id.example.org' }) },
  { finds: 'mail-links', says: /nobody outside can open them/, env: () => HTTPS },
  { finds: 'kratos-urls-mixed-up', says: /leads to Kratos' admin port.*\nlet KRATOS_PUBLIC_URL name Kratos' public port/, env: ({ adminUrl }) => ({ KRATOS_PUBLIC_URL: adminUrl, KRATOS_ADMIN_URL: adminUrl.replace('127.0.0.1', 'localhost') }) },
  { finds: 'kratos-public-url', says: /speaks no TLS there.*\nwrite http instead of https/, env: ({ publicUrl }) => ({ KRATOS_PUBLIC_URL: publicUrl.replace('http:', 'https:') }) },
  { finds: 'kratos-admin-url', says: /speaks no TLS there.*\nwrite http instead of https/, env: ({ adminUrl }) => ({ KRATOS_ADMIN_URL: adminUrl.replace('http:', 'https:') }) },
  { finds: 'kratos-admin-url', says: /At KRATOS_ADMIN_URL answers Kratos' public port/, env: ({ publicUrl }) => ({ KRATOS_ADMIN_URL: publicUrl.replace('127.0.0.1', 'localhost') }) },
  { finds: 'kratos-in-the-clear', says: /KRATOS_PUBLIC_URL is http on a host that is not inside: passwords/, env: () => ({ KRATOS_PUBLIC_URL: 'http://192.0.2.1:9' }) },
  { finds: 'kratos-in-the-clear', says: /KRATOS_ADMIN_URL is http .* all accounts/, env: () => ({ KRATOS_ADMIN_URL: 'http://192.0.2.1:9' }) },
  { finds: 'cookie-path', says: /for the path \/kratos/, config: (config) => { config['cookies'] = { path: '/kratos' } } },
  { finds: 'session-cookie-path', says: /for the path \/kratos/, config: (config) => { config['session'].cookie.path = '/kratos' } },
  { finds: 'cookie-same-site', says: /SameSite=None and not Secure/, config: (config) => { config['cookies'] = { same_site: 'None', secure: 'false' } } },
  { finds: 'cookie-same-site', says: /every social login fails/, config: (config) => { config['cookies'] = { same_site: 'Strict' }; config['selfservice'].methods.oidc = SOCIAL } },
  { finds: 'social-login-callback', says: /set KRATOS_PROXY=true/, config: (config) => { config['selfservice'].methods.oidc = SOCIAL }, env: () => ({ KRATOS_BROWSER_URL: 'http://localhost:3000/kratos/' }) },
  { finds: 'relative-pages', says: /login\.ui_url is relative: .*127\.0\.0\.1:\d+, and the front end is at http:\/\/localhost:3001/, config: (config) => { config['selfservice'].flows.login.ui_url = '/login' } },
  { finds: 'relative-pages', says: /selfservice\.default_browser_return_url is relative/, config: (config) => { config['selfservice'].default_browser_return_url = '/welcome' } },
  { finds: 'mailing-method', says: /A recovery works by code, .* switched off/, config: (config) => { config['selfservice'].methods.code.enabled = false } },
  { finds: 'mailing-method', says: /A verification works by link, .* switched off/, config: (config) => { config['selfservice'].methods.link.enabled = false; config['selfservice'].flows.verification.use = 'link' } },
  { finds: 'passkey-site', says: /passkey\.config\.rp is for example\.org/, config: (config) => { config['selfservice'].methods.passkey = { enabled: true, config: { rp: { id: 'example.org', display_name: 'x', origins: ['https://example.org'] } } } } },
  { finds: 'passkey-site', says: /webauthn\.config\.rp is for localhost and http:\/\/localhost:3009/, config: (config) => { config['selfservice'].methods.webauthn = { enabled: true, config: { rp: { id: 'localhost', display_name: 'x', origins: ['http://localhost:3009'] } } } } },
  { finds: 'webhook-url', says: /posts to another path/, config: (config) => { hookOf(config)['url'] = 'http://127.0.0.1:3000/internal/auth/user_created' } },
  { finds: 'webhook-url', says: /posts to another path/, config: (config) => { hookOf(config)['url'] = 'http://127.0.0.1:3000/api/internal/auth/user-created' } },
  { finds: 'webhook-url', says: /leads to Kratos itself/, config: (config) => { hookOf(config)['url'] = 'http://127.0.0.1:10/internal/auth/user-created' }, env: () => ({ KRATOS_ADMIN_URL: 'http://127.0.0.1:10' }) },
  { finds: 'webhook-url', says: /another port of this machine than 8080/, env: () => ({ PORT: '8080' }) },
  { finds: 'webhook-url', says: /INTERNAL_PORT has moved .*\n.*port 3100/, env: () => ({ INTERNAL_PORT: '3100' }) },
  { finds: 'webhook-url', says: /wants TLS at port 3000/, config: (config) => { hookOf(config)['url'] = 'https://127.0.0.1:3000/internal/auth/user-created' } },
  { finds: 'webhook-auth', says: /sends no key/, config: (config) => { hookOf(config)['auth'].config.in = 'cookie' } },
  { finds: 'webhook-key', says: /name of a variable instead of a key/, config: (config) => { hookOf(config)['auth'].config.value = 'Bearer $WEBHOOK_KEY' } },
  { finds: 'webhook-blocking', says: /every login fails/, config: (config) => { config['selfservice'].flows.login.after = { password: { hooks: [{ hook: 'web_hook', config: { ...hookOf(config), url: 'http://127.0.0.1:3000/internal/auth/user-updated', response: { ignore: false } } }] } } } },
  { finds: 'unknown-variables', says: /EVENTS_RETENTION is set.*\n.*EVENTS_RETENTION_DAYS/, env: () => ({ EVENTS_RETENTION: '3' }) },
  { finds: 'unknown-variables', says: /TRUSTED_PROXIES is set.*\n.*TRUST_PROXY/, env: () => ({ TRUSTED_PROXIES: '10.0.0.1' }) },
  { finds: 'unknown-variables', says: /COOKIE_NAME is set.*\n.*SESSION_COOKIE_NAME/, env: () => ({ COOKIE_NAME: 'x' }) },
  { finds: 'printed-keys', says: /OPERATOR_KEY is printed/, env: () => ({ OPERATOR_KEY: 'your-secret-operator-key-000000000000000' }) },
  { finds: 'proxy-trusted-too-widely', says: /trusts ::ffff:10\.0\.0\.0\/104/, env: () => ({ TRUST_PROXY: '::ffff:10.0.0.0/104' }) },
  { finds: 'secure-cookies', says: /Secure, and PUBLIC_URL is http/, dev: false },
  { finds: 'secure-cookies', says: /does not mark its cookies Secure/, env: () => HTTPS },
  { finds: 'cookie-domain', says: /for example\.net, and PUBLIC_URL is at localhost/, config: (config) => { config['cookies'] = { domain: 'example.net' } } },
  { finds: 'return-addresses', says: /add http:\/\/localhost:3005 to selfservice\.allowed_return_urls/, env: () => ({ CORS_ORIGINS: 'http://localhost:3005' }) },
  { finds: 'return-addresses-of-file', says: /has nothing of http:\/\/localhost:3005/, env: () => ({ CORS_ORIGINS: 'http://localhost:3005' }) },
  { finds: 'pages-of-flows', says: /pages of http:\/\/localhost:3001, which CORS_ORIGINS does not name/, env: () => ({ CORS_ORIGINS: 'http://localhost:3005' }) },
  { finds: 'cacheable', says: /SESSION_CACHE_MAX_AGE is 5/, config: (config) => { config['feature_flags'].cacheable_sessions = false }, env: () => ({ SESSION_CACHE_MAX_AGE: '5' }) },
  { finds: 'cacheable-flag', says: /cacheable_sessions is off/, config: (config) => { delete config['feature_flags'].cacheable_sessions }, env: () => ({ SESSION_CACHE_MAX_AGE: '5' }) },
  { finds: 'cookie-name', says: /called other_session, and SESSION_COOKIE_NAME is ory_kratos_session/, config: (config) => { config['session'].cookie.name = 'other_session' } },
  { finds: 'session-cookie-scheme', says: /session cookie is not Secure/, config: (config) => { config['session'].cookie.secure = 'false' }, env: () => HTTPS },
  { finds: 'session-cookie-domain', says: /session cookie is for example\.net/, config: (config) => { config['session'].cookie.domain = 'example.net' } },
  { finds: 'file-base-url', says: /serve\.public\.base_url is https:\/\/id\.example\.org\//, config: (config) => { config['serve'].public.base_url = 'https://id.example.org/' } },
  { finds: 'mail-links-of-flows', says: /Mails of recovery hold a link to http:/, config: (config) => { config['selfservice'].flows.recovery.use = 'link' }, env: () => HTTPS },
  { finds: 'recovery-by-link', says: /sends a code is refused/, config: (config) => { config['selfservice'].flows.recovery.use = 'link' } },
  { finds: 'recovery-transitions', says: /gives no session/, config: (config) => { delete config['feature_flags'].use_continue_with_transitions } },
  { finds: 'registration-style', says: /two posts/, config: (config) => { delete config['selfservice'].flows.registration.style } },
  { finds: 'required-aal', says: /session\.whoami\.required_aal is aal1/, config: (config) => { config['session'].whoami.required_aal = 'aal1' } },
  { finds: 'required-aal', says: /settings\.required_aal is aal1, its default/, config: (config) => { delete config['selfservice'].flows.settings.required_aal } },
  { finds: 'session-hook', says: /registration with passkey gives no session/, config: withoutHook('session') },
  { finds: 'webhook-missing', says: /account that is made with passkey/, config: withoutHook('web_hook') },
  { finds: 'verification-hook', says: /registration with passkey belongs to a flow that no client knows/, config: withoutHook('show_verification_ui') },
  { finds: 'webhook-missing-for-profiles', says: /changed profile/, config: (config) => { config['selfservice'].flows.settings.after.profile = { hooks: [{ hook: 'show_verification_ui' }] } } },
  { finds: 'webhook-blocking', says: /hooks is awaited/, config: (config) => { hookOf(config)['response'] = { ignore: false } } },
  { finds: 'webhook-blocking', says: /its id is nil/, config: (config) => { hookOf(config)['response'] = { ignore: false, parse: true } } },
  { finds: 'webhook-method', says: /no POST/, config: (config) => { hookOf(config)['method'] = 'PUT' } },
  { finds: 'webhook-body', says: /has no body/, config: (config) => { delete hookOf(config)['body'] } },
  { finds: 'webhook-auth', says: /sends no key/, config: (config) => { delete hookOf(config)['auth'] } },
  { finds: 'webhook-key-in-the-clear', says: /into its log/, config: (config) => { hookOf(config)['auth'].config = { in: 'header', name: 'X-Webhook-Key', value: WEBHOOK_KEY } } },
  { finds: 'webhook-bearer', says: /without 'Bearer '/, config: (config) => { hookOf(config)['auth'].config = { in: 'header', name: 'Authorization', value: WEBHOOK_KEY } } },
  { finds: 'webhook-key', says: /another key than WEBHOOK_KEY/, config: (config) => { hookOf(config)['auth'].config = { in: 'header', name: 'Authorization', value: 'Bearer of-somebody-else-entirely-000000000' } } },
  { finds: 'printed-secrets', says: /secrets\.cookie is printed/, config: (config) => { config['secrets'].cookie = ['PLEASE-CHANGE-ME-I-AM-VERY-INSECURE'] } },
  { finds: 'hook-key-printed', says: /key of a web_hook is printed/, config: (config) => { hookOf(config)['auth'].config.value = 'Bearer development-webhook-key-printed-in-kratos-yml' } },
  { finds: 'secrets-in-log', says: /passwords, cookies and codes into its log/, config: (config) => { config['log'].leak_sensitive_values = true } },
  { finds: 'trait-pointers', says: /TRAIT_EMAIL is \/contact\/mail, and no identity schema.*\nset TRAIT_EMAIL to \/email$/, env: () => ({ TRAIT_EMAIL: '/contact/mail' }) },
  { finds: 'trait-pointers', says: /TRAIT_EMAIL is \/email, its default, .* e-mail address\nset TRAIT_EMAIL to \/emails\/0$/, config: withTraits({ emails: { type: 'array', items: EMAIL } }) },
  { finds: 'trait-pointers', says: /TRAIT_FIRST_NAME is \/first_name, its default, .*\nset TRAIT_FIRST_NAME to \/name\/first$/, config: withTraits({ email: EMAIL, name: NAME }) },
  { finds: 'trait-pointers', says: /TRAIT_LAST_NAME is \/name, which is no text.*\nset TRAIT_LAST_NAME to \/name\/last$/, config: withTraits({ email: EMAIL, name: NAME }), env: () => ({ TRAIT_LAST_NAME: '/name' }) },
  { finds: 'trait-pointers', says: /TRAIT_USERNAME is \/username, its default, .*\nset TRAIT_USERNAME to \/login$/, config: withTraits({ login: TEXT }) },
  { finds: 'trait-pointers', says: /\ntake TRAIT_USERNAME out, or set it to a trait that is there: \/email$/, config: withTraits({ email: EMAIL }), env: () => ({ TRAIT_USERNAME: '/nick' }) },
  { finds: 'unknown-variables', says: /LOGIN_LIMIT_PER_USER is set, and nothing reads it/, env: () => ({ LOGIN_LIMIT_PER_USER: '3' }) },
  { finds: 'printed-keys', says: /METRICS_TOKEN is printed/, env: () => ({ METRICS_TOKEN: 'change-me-change-me-change-me-change-me' }) },
  { finds: 'insecure-base-url', says: /travel in the clear/, env: () => ({ PUBLIC_URL: 'http://api.example.org' }) },
  { finds: 'insecure-origins', says: /trusts http:\/\/app\.example\.org/, env: () => ({ ...HTTPS, CORS_ORIGINS: 'http://app.example.org' }) },
  { finds: 'origin-of-another-site', says: /https:\/\/app\.example\.com and PUBLIC_URL \(api\.example\.org\) are two sites/, env: () => ({ ...HTTPS, CORS_ORIGINS: 'https://app.example.com' }) },
  { finds: 'frontend-not-an-origin', says: /add https:\/\/www\.example\.org to CORS_ORIGINS/, env: () => ({ ...HTTPS, FRONTEND_URL: 'https://www.example.org/' }) },
  { finds: 'proxy-not-trusted', says: /TRUST_PROXY is empty/, env: () => ({ ...HTTPS, TRUST_PROXY: '' }) },
  { finds: 'proxy-trusted-too-widely', says: /trusts 10\.0\.0\.0\/8/, env: () => ({ TRUST_PROXY: '10.0.0.0/8' }) },
  { finds: 'internal-base-url', says: /inside your network/, env: () => ({ PUBLIC_URL: 'https://api', CORS_ORIGINS: 'https://app.example.org' }) },
]

const rewritten = (config: Tree, replacements: Array<[what: string, by: string]>): void => {
  const text = replacements.reduce((json, [what, by]) => json.replaceAll(what, by), JSON.stringify(config))
  Object.assign(config, JSON.parse(text))
}
const PRODUCTION = {
  ...HTTPS,
  FRONTEND_URL: 'https://app.example.org/',
  KRATOS_BROWSER_URL: 'https://api.example.org/kratos/',
  KRATOS_PROXY: 'true',
  OPERATOR_KEY: 'of-an-operator-of-this-suite-0000000001',
}
/** As docs/production.md wants it, with all ways to log in. */
const toProduction = (config: Tree): void => {
  rewritten(config, [['http://localhost:3001', 'https://app.example.org'], ['http://127.0.0.1:3001', 'https://app.example.org'], ['http://127.0.0.1:3000', 'http://service:3000']])
  config['serve'].public.base_url = 'https://api.example.org/kratos/'
  config['selfservice'].methods.oidc = SOCIAL
  config['selfservice'].methods.passkey = { enabled: true, config: { rp: { id: 'example.org', display_name: 'x', origins: ['https://app.example.org'] } } }
}
async function toCompose (config: Tree): Promise<void> {
  const over = parse(await readFile(join(ROOT, 'kratos/kratos.compose.yml'), 'utf8'), { merge: true })
  config['serve'].public.base_url = over.serve.public.base_url
  config['cookies'] = over.cookies
  config['session'].cookie.secure = over.session.cookie.secure
  // What comes from Kratos' environment there.
  over.selfservice.flows.settings.after.hooks[0].config.auth.config.value = `Bearer ${WEBHOOK_KEY}`
  for (const flow of ['settings', 'registration']) config['selfservice'].flows[flow].after = over.selfservice.flows[flow].after
}

const GOOD: Record<string, Omit<Broken, 'finds' | 'says'>> = {
  compose: { dev: false, config: toCompose, env: () => ({ FRONTEND_URL: 'http://localhost:3001/', CORS_ORIGINS: 'http://localhost:3001,http://127.0.0.1:3001', KRATOS_BROWSER_URL: 'http://localhost:3000/kratos/' }) },
  'the production page': { dev: false, config: toProduction, env: () => PRODUCTION },
  'cookies of a whole domain, as hosted Ory has them': {
    dev: false,
    config: (config) => {
      toProduction(config)
      config['cookies'] = { domain: 'example.org', path: '/', same_site: 'Lax' }
      config['session'].cookie = { name: 'ory_session_example', domain: 'example.org', path: '/', same_site: 'Lax' }
    },
    env: () => ({ ...PRODUCTION, SESSION_COOKIE_NAME: 'ory_session_example' }),
  },
}

/** Those that are tried in front of something else than an embedded Kratos. */
const ELSEWHERE = ['kratos-version', 'kratos-admin-port-absent', 'clock-skew', 'admin-api-exposed', 'other-kratos', 'kratos-failing']

const SERVER: ServerFacts = {
  hasTls: true,
  hasPooler: false,
  isReadOnly: false,
  maxConnections: 100,
  reservedConnections: 3,
  otherConnections: 0,
  roleLimit: -1,
  databaseLimit: -1,
  pending: [],
  newer: [],
  encoding: 'UTF8',
  canCreate: false,
  isSuperuser: false,
  missingRights: [],
}
const DATABASE: DatabaseFacts = { host: 'db.example.org', sslMode: undefined, poolSize: 10, replicas: 4, server: SERVER }
const server = (members: Partial<ServerFacts>): DatabaseFacts => ({ ...DATABASE, server: { ...SERVER, ...members } })

const BROKEN_DATABASES: Array<[check: string, says: RegExp, facts: DatabaseFacts]> = [
  ['database-connection', /the password is wrong \(28P01\)/, { ...DATABASE, server: undefined, fault: '28P01' }],
  ['database-rights', /users: DELETE/, server({ missingRights: ['users: DELETE'] })],
  ['database-migrations', /may not create tables/, server({ pending: ['0001_users_and_documents'] })],
  ['database-migrations', /the service does so at its start/, server({ pending: ['0001_users_and_documents'], canCreate: true })],
  ['database-newer', /migrated by a newer version \(9999_x\)/, server({ newer: ['9999_x'] })],
  ['database-encoding', /encoded in LATIN1/, server({ encoding: 'LATIN1' })],
  ['database-connection', /has expired/, { ...DATABASE, server: undefined, fault: 'CERT_HAS_EXPIRED' }],
  ['database-read-only', /takes no writes/, server({ isReadOnly: true })],
  ['database-superuser', /is a superuser/, server({ isSuperuser: true })],
  ['database-tls', /in the clear/, server({ hasTls: false })],
  ['database-tls', /certificate of the database is not checked/, { ...DATABASE, sslMode: 'no-verify' }],
  ['database-pooler', /through a pooler/, server({ hasPooler: true })],
  ['bus', /hear nothing of each other/, { ...DATABASE, bus: { isHeard: false, keepsSessions: true } }],
  ['bus', /The bus cannot be used: nobody listens there/, { ...DATABASE, bus: { isHeard: false, fault: 'ECONNREFUSED', keepsSessions: true } }],
  ['bus', /hear nothing of each other/, { ...DATABASE, bus: { isHeard: false, keepsSessions: false } }],
  ['database-pool', /may want 48/, { ...server({ otherConnections: 50 }), bus: { isHeard: true, keepsSessions: false } }],
  ['database-pool', /may want 44 connections, and 17 are to be had/, server({ otherConnections: 80 })],
  ['database-pool', /CONNECTION LIMIT 20 of the role/, server({ roleLimit: 20 })],
  ['database-pool', /CONNECTION LIMIT 30 of the database/, server({ databaseLimit: 30 })],
]

export default async function (t: Test): Promise<void> {
  t.test('doctor', async (t) => {
    t.test('finds nothing in the configuration that is shipped, with secrets of its own', async (t) => {
      t.same(await examine(t), [])
    })

    t.test('finds nothing in other good ones', async (t) => {
      // The embedded Kratos names its own port in its forms; the file's base_url is looked at beside it.
      const ofItsPort = new Set(['base-url', 'mail-links'])
      for (const [name, good] of Object.entries(GOOD)) {
        t.same((await examine(t, good)).filter(({ check }) => !ofItsPort.has(check)), [], name)
      }
    })

    t.test('finds nothing in a host app with the plugin, whose pages are its own', async (t) => {
      const config = await goodConfig()
      rewritten(config, [['http://localhost:3001', 'http://localhost:3000'], ['http://127.0.0.1:3001', 'http://localhost:3000'], ['/internal/auth/user-created', '/hooks/kratos'], ['/internal/auth/user-updated', '/hooks/kratos']])
      config['selfservice'].flows.login.ui_url = '/login'
      const kratos = await startEmbeddedKratos({ config: structuredClone(config), folder: join(ROOT, 'kratos'), dev: true, watchCourier: false })
      t.teardown(() => kratos.close())
      config['serve'].public.base_url = `${kratos.publicUrl}/`
      const file = join(await temporaryFolder(t), 'kratos.json')
      await writeFile(file, JSON.stringify(config))
      const args = ['--public-url', kratos.publicUrl, '--admin-url', kratos.adminUrl, '--base-url', 'http://localhost:3000', '--origin', 'http://localhost:3000', '--webhook-path', '/hooks/kratos', '--kratos-config', file]
      t.match(await examinePlugin(args, { WEBHOOK_KEY }), { exitCode: 0, text: /^0 errors, 0 warnings/ })
    })

    t.test('tells a proxy before both ports, two different Kratos and a Kratos without its database', async (t) => {
      const ui = { id: 'x', ui: { action: 'http://127.0.0.1:4433/self-service/login?flow=x' } }
      const schema = (name: string) => [{ id: 'x', schema: { type: 'object', properties: { traits: { properties: { [name]: TEXT } } } } }]
      const behind = (answers: Record<string, object>, status = 200) => startFaultServer(t, (socket, request) => {
        const found = Object.entries(answers).find(([path]) => request.target.startsWith(path))?.[1]
        answer(found === undefined ? 404 : status, found ?? {})(socket, request)
      })
      const checksOf = async (publicUrl: string, adminUrl: string): Promise<string[]> => {
        const env = { ...ENVIRONMENT, KRATOS_PUBLIC_URL: publicUrl, KRATOS_ADMIN_URL: adminUrl }
        return (await diagnose(environmentFacts(loadConfig(env), env), undefined)).map(({ check }) => check)
      }
      const [admin, both, one, failing] = await Promise.all([
        behind({ '/admin/version': { version: 'v26.2.0' }, '/schemas': schema('login') }),
        behind({ '/self-service/login': ui, '/admin/version': { version: 'v26.2.0' }, '/schemas': schema('login') }),
        behind({ '/self-service/login': ui, '/schemas': schema('mail') }),
        behind({ '/self-service/login': { error: { code: 500 } } }, 500),
      ])
      t.ok((await checksOf(both.url, admin.url)).includes('admin-api-exposed'))
      t.ok((await checksOf(one.url, admin.url)).includes('other-kratos'))
      t.match(await checksOf(failing.url, admin.url), ['kratos-failing'])
    })

    t.test('finds the mistake in each broken configuration, in front of a Kratos', async (t) => {
      for (const { finds, says, ...broken } of BROKEN) {
        const found = await examine(t, broken)
        const named = found.filter(({ check }) => check === finds)
        t.ok(named.some(({ what, change }) => says.test(`${what}\n${change}`)), `${finds}: ${JSON.stringify(found)}`)
        t.notMatch(JSON.stringify(found), new RegExp(WEBHOOK_KEY), 'and says no secret')
      }
    })

    t.test('takes a trait for there however a schema names it, and where nothing is like it', async (t) => {
      const pointers = (env: Env) => async (damage: (config: Tree) => void): Promise<string[]> =>
        (await examine(t, { config: damage, env: () => env })).filter(({ check }) => check === 'trait-pointers').map(({ what }) => what)
      t.same(await pointers({})(withTraits({ phone: TEXT, name: TEXT })), [])
      t.match(await pointers({})(withTraits({ login: EMAIL })), [/^TRAIT_EMAIL is/], 'and no trait for two')
      const nested = pointers({ TRAIT_EMAIL: '/person/email', TRAIT_FIRST_NAME: '/person/names/0', TRAIT_LAST_NAME: '/person/more/last', TRAIT_USERNAME: '/nicks/a~1b' })
      const person = {
        type: 'object',
        allOf: [{ properties: { email: EMAIL } }],
        oneOf: [{ properties: { names: { type: 'array', items: [TEXT] } } }, { required: ['email'] }],
        properties: { more: { type: 'object', additionalProperties: { type: ['string', 'null'] } } },
      }
      const nicks = { type: 'object', patternProperties: { '^a': { enum: ['x', 'y'] } } }
      t.same(await nested(withTraits({ person: { $ref: '#/definitions/a~1person' }, nicks }, { definitions: { 'a/person': person } })), [])
    })

    t.test('has a broken configuration for every check', async (t) => {
      const tried = new Set([...BROKEN.map(({ finds }) => finds), ...ELSEWHERE])
      const all = [ENVIRONMENT_CHECKS, PROBE_CHECKS, HOOK_CHECKS, FILE_CHECKS].flatMap((checks) => Object.keys(checks))
      t.same(all.filter((name) => !tried.has(name)), [])
      const databases = new Set(BROKEN_DATABASES.map(([name]) => name))
      t.same(Object.keys(DATABASE_CHECKS).filter((name) => !databases.has(name)), [])
    })

    t.test('tells a clock that is wrong, a Kratos that was not tested, and what is not Kratos at all', async (t) => {
      const { settings } = environmentFacts(loadConfig(ENVIRONMENT), {})
      const open = { answering: 'public' as const }
      const checks = (members: object) =>
        runChecks(PROBE_CHECKS, { settings, kratos: { public: open, refusedReturns: [], ...members } })
      t.match(checks({ aheadMs: -7000 }), [{ check: 'clock-skew', what: /7 s behind/ }])
      t.match(checks({ admin: { answering: 'admin', version: 'v1.3.0' } }), [{ check: 'kratos-version', severity: 'note' }])
      t.match(runChecks(PROBE_CHECKS, { settings: { ...settings, adminUrl: undefined }, kratos: { public: open, refusedReturns: [] } }), [{ check: 'kratos-admin-port-absent' }])
      const other = await startFaultServer(t, answer(200, { status: 'ok' }))
      const found = await examine(t, { env: () => ({ KRATOS_PUBLIC_URL: other.url, KRATOS_ADMIN_URL: `${other.url}/admin` }) })
      t.match(found.filter(({ severity }) => severity === 'error'), [{ what: /At KRATOS_PUBLIC_URL answers somebody who is not Kratos/ }, { what: /At KRATOS_ADMIN_URL answers somebody/ }])
    })

    t.test('finds nothing in a sound database, and the mistake in each that is not', async (t) => {
      t.same(runChecks(DATABASE_CHECKS, DATABASE), [])
      for (const [check, says, facts] of BROKEN_DATABASES) {
        const found = runChecks(DATABASE_CHECKS, facts)
        t.match(found, [{ check, what: says }], check)
        t.equal(found.length, 1, check)
      }
    })

    t.test('takes what container platforms set for no setting of ours', async (t) => {
      const { unknownVariables } = await import('../../src/service/doctor/unknown-variables.js')
      const ofPlatforms = ['KRATOS_SERVICE_HOST', 'KRATOS_PORT_4433_TCP_ADDR', 'KRATOS_PORT', 'SESSION_MANAGER', 'PUBLIC', 'SESSION_LIFESPAN', 'HOSTNAME']
      t.same(unknownVariables(Object.fromEntries(ofPlatforms.map((name) => [name, 'x']))), [])
      t.same(
        unknownVariables({ KRATOS_URL: 'x', PUBLIC_KRATOS_URL: 'x', LOG_LEVELS: 'x', DATABASE_POOL: '', PORT: '1' }).map(({ name }) => name),
        ['KRATOS_URL', 'PUBLIC_KRATOS_URL', 'LOG_LEVELS'],
      )
    })
  })
}
