import { valueAt, textAt } from './kratos-config.js'
import type { FileFacts } from './facts.js'
import { type Checks, error, type Finding, warning } from './finding.js'
import { HOOKED_FLOWS, type Hook, hooksAfter, isOurs, missesReceiver, ourHooks, registeringMethods } from './hooks.js'
import { hostOf, isLoopback, originOf } from './hosts.js'

const HEADER = "auth: { type: api_key, config: { in: header, name: Authorization, value: 'Bearer <WEBHOOK_KEY>' } }"

const has = (hooks: Hook[], name: string): boolean => hooks.some(({ hook }) => hook['hook'] === name)
const afterRegistration = ({ config }: FileFacts): Array<{ method: string, hooks: Hook[] }> =>
  registeringMethods(config).map((method) => ({ method, hooks: hooksAfter(config, 'registration', method) }))
const listOf = (method: string): string => `selfservice.flows.registration.after.${method}.hooks`

type Found = Array<Omit<Finding, 'check'>>

/** One finding for all places: a list of hooks is mostly written once and used for every method. */
const atPlaces = (hooks: Hook[], find: (places: string) => Found[number]): Found =>
  hooks.length === 0 ? [] : [find(hooks.map(({ place }) => place).join(', '))]
const forMethods = (methods: Array<{ method: string }>, find: (names: string, lists: string) => Found[number]): Found =>
  methods.length === 0
    ? []
    : [find(methods.map(({ method }) => method).join(', '), methods.map(({ method }) => listOf(method)).join(', '))]

type Auth = { type: string | undefined, name: string, value: string | undefined, isHeader: boolean }
const authOf = ({ hook }: Hook): Auth => ({
  type: textAt(hook, 'config.auth.type'),
  name: (textAt(hook, 'config.auth.config.name') ?? '').toLowerCase(),
  value: textAt(hook, 'config.auth.config.value'),
  isHeader: textAt(hook, 'config.auth.config.in') !== 'cookie',
})
const keyOf = ({ name, value = '' }: Auth): string => name === 'authorization' ? value.replace(/^Bearer +/i, '') : value
const isKeyHeader = ({ type, name, isHeader }: Auth): boolean =>
  type === 'api_key' && isHeader && /^(?:authorization|x-webhook-key)$/.test(name)

const urlOf = ({ hook }: Hook): string => textAt(hook, 'config.url') ?? ''
const portOf = (url: string): number => {
  const { port, protocol } = new URL(url)
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)
}
const flowsOf = (places: string): string =>
  HOOKED_FLOWS.filter((flow) => places.includes(`.${flow}.after.`)).join(' and every ')

/** Hooks of Kratos, by its configuration. Whoever takes no webhook is told nothing of those that are missing. */
export const HOOK_CHECKS: Checks<FileFacts> = {
  'session-hook': (facts) =>
    forMethods(afterRegistration(facts).filter(({ hooks }) => !has(hooks, 'session')), (methods, lists) => error(
      `A registration with ${methods} gives no session: it is done, and the next request is 401`,
      `add { hook: session } to ${lists}`,
    )),

  'webhook-missing': (facts) => {
    if (facts.settings.webhookKeys === undefined) return []
    const missing = afterRegistration(facts).filter(({ hooks }) => !hooks.some((hook) => isOurs(hook, facts.settings)))
    return forMethods(missing, (methods, lists) => warning(
      `Kratos tells nobody of an account that is made with ${methods}: its row comes with its first use only`,
      `add the web_hook to …/internal/auth/user-created to ${lists}; Kratos merges no lists`,
    ))
  },

  'webhook-missing-for-profiles': ({ config, settings }) =>
    settings.webhookKeys === undefined || hooksAfter(config, 'settings', 'profile').some((hook) => isOurs(hook, settings))
      ? []
      : [warning(
          'Kratos tells nobody of a changed profile: rows go stale until the user comes back',
          'add the web_hook to …/internal/auth/user-updated to selfservice.flows.settings.after.hooks, and to each method that has hooks of its own',
        )],

  'verification-hook': (facts) => {
    if (valueAt(facts.config, 'selfservice.flows.verification.enabled') !== true) return []
    const missing = afterRegistration(facts).filter(({ hooks }) => !has(hooks, 'show_verification_ui'))
    return forMethods(missing, (methods, lists) => warning(
      `The code that is mailed after a registration with ${methods} belongs to a flow that no client knows: nobody can redeem it`,
      `add { hook: show_verification_ui } to ${lists}`,
    ))
  },

  'webhook-url': (facts) => {
    const { publicUrl, adminUrl = '', baseUrl = '', ports } = facts.settings
    const leadsToKratos = (hook: Hook): boolean =>
      [publicUrl, adminUrl].map(originOf).includes(originOf(urlOf(hook))) && originOf(urlOf(hook)) !== originOf(baseUrl)
    const hooks = ourHooks(facts).filter((hook) => !leadsToKratos(hook))
    const isAt = (hook: Hook, port: number | undefined): boolean => portOf(urlOf(hook)) === port
    const isHere = (hook: Hook): boolean => isLoopback(hostOf(urlOf(hook)))
    const receiver = ports?.internal ?? ports?.open
    const isElsewhere = (hook: Hook): boolean => isHere(hook) && !isAt(hook, ports?.open) && !isAt(hook, receiver)
    return [
      ...atPlaces(ourHooks(facts).filter(leadsToKratos), (places) => error(
        `The web_hook in ${places} leads to Kratos itself: nothing there takes it`,
        `let its url in ${places} name this service`,
      )),
      ...atPlaces(hooks.filter((hook) => missesReceiver(hook, facts.settings)), (places) => error(
        `The web_hook in ${places} posts to another path than /internal/auth/user-created: unless a proxy mends it, every delivery is refused with 404`,
        `let its url in ${places} end with <host>/internal/auth/user-created, or …/user-updated`,
      )),
      ...(ports?.internal === undefined
        ? []
        : atPlaces(hooks.filter((hook) => isAt(hook, ports.open)), (places) => error(
            `The web_hook in ${places} goes to port ${ports.open}, and INTERNAL_PORT has moved /internal away from there: every delivery is refused with 404`,
            `let its url in ${places} name port ${ports.internal}`,
        ))),
      ...(receiver === undefined
        ? []
        : atPlaces(hooks.filter(isElsewhere), (places) => warning(
            `The web_hook in ${places} goes to another port of this machine than ${receiver}, where this service listens`,
            `let its url in ${places} name port ${receiver}, unless something passes that port on`,
        ))),
      ...(receiver === undefined
        ? []
        : atPlaces(hooks.filter((hook) => urlOf(hook).startsWith('https:') && isAt(hook, receiver)), (places) => error(
            `The web_hook in ${places} wants TLS at port ${receiver}, where this service speaks plain http: no delivery arrives`,
            `write http in its url in ${places}, or let it name the proxy that speaks TLS`,
        ))),
    ]
  },

  'webhook-blocking': (facts) => {
    const awaited = ourHooks(facts).filter(({ hook }) => valueAt(hook, 'config.response.ignore') !== true)
    const comesEarly = ({ hook, place }: Hook): boolean =>
      place.includes('.registration.') && (valueAt(hook, 'config.response.parse') === true || valueAt(hook, 'config.can_interrupt') === true)
    const change = (places: string): string => `set response: { ignore: true } in ${places}, and take parse and can_interrupt out`
    return [
      ...atPlaces(awaited.filter(comesEarly), (places) => error(
        `The web_hook in ${places} runs before the identity is stored: its id is nil, and no row is made`,
        change(places),
      )),
      ...atPlaces(awaited.filter((hook) => !comesEarly(hook)), (places) => warning(
        `The web_hook in ${places} is awaited: while this side is away, every ${flowsOf(places)} fails although it is stored`,
        change(places),
      )),
    ]
  },

  'webhook-method': (facts) =>
    atPlaces(ourHooks(facts).filter(({ hook }) => textAt(hook, 'config.method')?.toUpperCase() !== 'POST'), (places) =>
      error(`The web_hook in ${places} is no POST: nothing takes it`, `set method: POST in ${places}`),
    ),

  'webhook-body': (facts) =>
    atPlaces(ourHooks(facts).filter(({ hook }) => textAt(hook, 'config.body') === undefined), (places) => error(
      `The web_hook in ${places} has no body: every delivery is refused with 400`,
      `set body to the template kratos/user-created.jsonnet in ${places}`,
    )),

  'webhook-auth': (facts) =>
    atPlaces(ourHooks(facts).filter((hook) => !isKeyHeader(authOf(hook))), (places) => error(
      `The web_hook in ${places} sends no key: every delivery is refused with 401`,
      `set ${HEADER} in ${places}`,
    )),

  'webhook-key-in-the-clear': (facts) =>
    atPlaces(ourHooks(facts).filter((hook) => authOf(hook).name === 'x-webhook-key'), (places) => warning(
      `Kratos writes the key of the web_hook in ${places} into its log: of headers it redacts Authorization only`,
      `set ${HEADER} in ${places}, and take a new key`,
    )),

  'webhook-bearer': (facts) => {
    const lacksScheme = (hook: Hook): boolean => {
      const { name, value } = authOf(hook)
      return name === 'authorization' && value !== undefined && !/^Bearer +\S/i.test(value)
    }
    return atPlaces(ourHooks(facts).filter(lacksScheme), (places) => error(
      `The web_hook in ${places} sends Authorization without 'Bearer ' before its key: every delivery is refused with 401`,
      `write value: 'Bearer <WEBHOOK_KEY>' in ${places}`,
    ))
  },

  'webhook-key': (facts) => {
    const { webhookKeys: keys, nameOf } = facts.settings
    if (keys === undefined || keys.length === 0) return []
    const isOther = (hook: Hook): boolean => {
      const auth = authOf(hook)
      return isKeyHeader(auth) && auth.value !== undefined && !keys.includes(keyOf(auth))
    }
    const isVariable = (hook: Hook): boolean => /^(?:\$\w*|\$?\{.*\}|<.*>)$/.test(keyOf(authOf(hook)))
    const others = ourHooks(facts).filter(isOther)
    return [...atPlaces(others.filter(isVariable), (places) => error(
      `The web_hook in ${places} sends the name of a variable instead of a key: Kratos fills in none in its files`,
      `write the key itself, or give it by Kratos' environment, as docker-compose.yml does, and no value in ${places}`,
    )), ...atPlaces(others.filter((hook) => !isVariable(hook)), (places) => error(
      `The web_hook in ${places} sends another key than ${nameOf('webhookKeys')}: every delivery is refused with 401`,
      `write the key of ${nameOf('webhookKeys')} behind 'Bearer ' in ${places}, or in Kratos' environment`,
    ))]
  },
}
