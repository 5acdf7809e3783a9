import { parseArgs } from 'node:util'
import { completeSettings, contradictions, DEFAULT_COOKIE_NAME } from '../settings.js'
import { diagnose, lookedAt } from './diagnose.js'
import type { EnvironmentFacts } from './environment-checks.js'
import type { NamedSetting } from './facts.js'
import { error, type Finding } from './finding.js'
import { readKratosConfig } from './kratos-config.js'
import { report } from './report.js'
import { DEFAULT_TRAITS, isTraitPointer, type TraitPointers } from '../kratos-client/traits.js'
import { isHttpUrl, isOrigin } from '../url-rules.js'

const HELP = `fastify-kratos doctor [--json] [--kratos-config kratos.yml]... and what the plugin is given:

  --public-url    publicUrl; default KRATOS_PUBLIC_URL of the environment
  --admin-url     adminUrl; default KRATOS_ADMIN_URL
  --browser-url   browserUrl, where it differs from publicUrl; default KRATOS_BROWSER_URL
  --base-url      baseUrl, where clients reach the app; default PUBLIC_URL
  --frontend-url  frontendUrl; default FRONTEND_URL
  --origin        one of origins; may be repeated
  --cookie-name   cookieName
  --cache         sessionCacheMaxAge
  --trait         one of traits, such as email=/contact/email; may be repeated
  --webhook-path  path of the webhook's receiver, if there is one; its key is read from WEBHOOK_KEY
  --kratos-config Kratos' own file; of several, later ones are merged over earlier ones

  Status 0: no errors; 1: errors; 2: the arguments cannot be understood.
`

const parse = (args: string[]) =>
  parseArgs({
    args,
    options: {
      help: { type: 'boolean', short: 'h' },
      json: { type: 'boolean', default: false },
      'kratos-config': { type: 'string', multiple: true, default: [] },
      'public-url': { type: 'string' },
      'admin-url': { type: 'string' },
      'browser-url': { type: 'string' },
      'base-url': { type: 'string' },
      'frontend-url': { type: 'string' },
      origin: { type: 'string', multiple: true, default: [] },
      'cookie-name': { type: 'string', default: DEFAULT_COOKIE_NAME },
      cache: { type: 'string', default: '0' },
      trait: { type: 'string', multiple: true, default: [] },
      'webhook-path': { type: 'string' },
    },
  }).values

type Env = Record<string, string | undefined>
type Values = ReturnType<typeof parse>

const NAMES: Record<NamedSetting, string> = {
  publicUrl: 'publicUrl',
  adminUrl: 'adminUrl',
  browserUrl: 'browserUrl',
  baseUrl: 'baseUrl',
  frontendUrl: 'frontendUrl',
  origins: 'origins',
  returnUrls: 'returnUrls',
  cookieName: 'cookieName',
  sessionCacheMaxAge: 'sessionCacheMaxAge',
  webhookKeys: 'webhook.keys',
  'traits.email': 'traits.email',
  'traits.firstName': 'traits.firstName',
  'traits.lastName': 'traits.lastName',
  'traits.username': 'traits.username',
}

/** The name is no literal, because YAML's library need not be there: JSON is read without. */
const YAML: string = 'yaml'

/** @returns how files are read, and what to say of one that cannot be */
async function yamlReader (): Promise<{ read: (text: string) => unknown, hint: string }> {
  try {
    const { parse } = await import(YAML) as { parse: (text: string, options: object) => unknown }
    return { read: (text) => parse(text, { merge: true }), hint: '' }
  } catch {
    return { read: (text) => JSON.parse(text), hint: '; YAML needs the package yaml: npm install --save-dev yaml' }
  }
}

/** @throws Error in plain words */
function traitsOf (given: string[]): TraitPointers {
  const pairs = given.map((text) => text.split(/=(.*)/s))
  const isValid = ([name = '', pointer = '']: string[]): boolean => Object.hasOwn(DEFAULT_TRAITS, name) && isTraitPointer(pointer)
  if (!pairs.every(isValid)) throw new Error(`--trait wants ${Object.keys(DEFAULT_TRAITS).join(', ')} and a JSON pointer: email=/contact/email`)
  return { ...DEFAULT_TRAITS, ...Object.fromEntries(pairs) }
}

/** @throws Error in plain words */
function factsOf (values: Values, env: Env): EnvironmentFacts {
  const given = (value: string | undefined, name: string): string | undefined => value ?? (env[name] === '' ? undefined : env[name])
  const publicUrl = given(values['public-url'], 'KRATOS_PUBLIC_URL')
  if (publicUrl === undefined) throw new Error("--public-url is missing: the URL of Kratos' public port")
  const urls = {
    adminUrl: given(values['admin-url'], 'KRATOS_ADMIN_URL'),
    browserUrl: given(values['browser-url'], 'KRATOS_BROWSER_URL'),
    baseUrl: given(values['base-url'], 'PUBLIC_URL'),
    frontendUrl: given(values['frontend-url'], 'FRONTEND_URL'),
  }
  const bad = [publicUrl, ...Object.values(urls)].find((url) => url !== undefined && !isHttpUrl(url))
  if (bad !== undefined) throw new Error('one of the URLs is none: it wants http(s)://host, without credentials, query or fragment')
  const origins = values.origin.length > 0 ? values.origin : (env['CORS_ORIGINS'] ?? '').split(',').map((item) => item.trim()).filter((item) => item !== '')
  if (!origins.every(isOrigin)) throw new Error('an origin is scheme, host and port, such as https://app.example.com')
  const settings = completeSettings({
    publicUrl,
    ...urls,
    origins,
    cookieName: values['cookie-name'],
    deadlines: { whoamiMs: 0, submitMs: 0, otherMs: 0 },
    throttle: false,
    sessionCacheMaxAge: Number(values.cache),
    traits: traitsOf(values.trait),
  })
  const keys = [env['WEBHOOK_KEY'], env['WEBHOOK_KEY_PREVIOUS']].filter((key) => key !== undefined && key !== '') as string[]
  const hasWebhook = values['webhook-path'] !== undefined || keys.length > 0
  return {
    settings: {
      ...settings,
      webhookKeys: hasWebhook ? keys : undefined,
      webhookPath: values['webhook-path'],
      nameOf: (setting) => NAMES[setting],
    },
    unknownVariables: [],
    secrets: { WEBHOOK_KEY: env['WEBHOOK_KEY'] },
  }
}

const misused = (text: string) => ({ text: `fastify-kratos doctor: ${text}\n\n${HELP}`, isMisused: true, exitCode: 2 })

/** The half of the doctor that needs no database: what the command prints, and its exit status. */
export async function examine (
  args: string[],
  env: Env,
): Promise<{ text: string, isMisused: boolean, exitCode: number }> {
  try {
    const values = parse(args)
    if (values.help === true) return { text: HELP, isMisused: false, exitCode: 0 }
    const facts = factsOf(values, env)
    const files = values['kratos-config']
    const yaml = await yamlReader()
    const config = files.length === 0 ? undefined : await readKratosConfig(files, yaml.read, yaml.hint)
    const rules: Finding[] = contradictions(facts.settings, (name) => name).map((problem) =>
      ({ check: 'options', ...error(problem, 'correct that option; register throws otherwise') }),
    )
    const found = await diagnose(facts, config)
    const looked = lookedAt([], config !== undefined)
    return { ...report([...rules, ...found], looked, { json: values.json }), isMisused: false }
  } catch (failure) {
    return misused(failure instanceof Error ? failure.message : 'unknown error')
  }
}
