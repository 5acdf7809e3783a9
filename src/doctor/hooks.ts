import { isRecord, type JsonObject } from '../kratos-client/kratos-body.js'
import type { FileFacts, SettingsFacts } from './facts.js'
import { listAt, textAt, valueAt } from './kratos-config.js'

export interface Hook {
  /** Path of the list it stands in. */
  place: string
  hook: JsonObject
}

export const HOOKED_FLOWS = ['registration', 'settings', 'login', 'recovery', 'verification'] as const
type HookedFlow = typeof HOOKED_FLOWS[number]

const FLOWS = 'selfservice.flows'
const METHODS = 'selfservice.methods'

/** Methods by which an account can be made, and what enables each. */
const REGISTERING: Record<string, string> = {
  password: 'password.enabled',
  code: 'code.passwordless_enabled',
  oidc: 'oidc.enabled',
  passkey: 'passkey.enabled',
  webauthn: 'webauthn.enabled',
  saml: 'saml.enabled',
}
/** These are on unless they are switched off. */
const ON_BY_DEFAULT = new Set(['password'])

export function registeringMethods (config: JsonObject): string[] {
  if (valueAt(config, `${FLOWS}.registration.enabled`) === false) return []
  return Object.keys(REGISTERING).filter((method) => {
    const isEnabled = valueAt(config, `${METHODS}.${REGISTERING[method]}`)
    // A webauthn that is no passwordless login is a second factor, and makes no account.
    if (method === 'webauthn' && valueAt(config, `${METHODS}.webauthn.config.passwordless`) !== true) return false
    return isEnabled === true || (isEnabled === undefined && ON_BY_DEFAULT.has(method))
  })
}

/** What runs after a flow by a method: its own list, else that of all methods. Kratos never runs both. */
export function hooksAfter (config: JsonObject, flow: HookedFlow, method: string): Hook[] {
  const own = `${FLOWS}.${flow}.after.${method}.hooks`
  const place = Array.isArray(valueAt(config, own)) && listAt(config, own).length > 0
    ? own
    : `${FLOWS}.${flow}.after.hooks`
  return listAt(config, place).filter(isRecord).map((hook) => ({ place, hook }))
}

const SERVICE_PATH = /^\/internal\/auth\/user-(?:created|updated)\/?$/
/** Meant for the service, though something is wrong with it. */
const NEARLY_SERVICE_PATH = /\/internal\/auth\/user-(?:created|updated)\/?$|^\/internals?\/.*\buser/i

const pathOf = ({ hook }: Hook): string | undefined => {
  const url = textAt(hook, 'config.url') ?? ''
  return hook['hook'] === 'web_hook' && URL.canParse(url) ? new URL(url).pathname : undefined
}

/** Whether a hook is meant for our receiver. */
export function isOurs (hook: Hook, { webhookPath }: SettingsFacts): boolean {
  const path = pathOf(hook)
  if (path === undefined) return false
  return webhookPath === undefined
    ? SERVICE_PATH.test(path) || NEARLY_SERVICE_PATH.test(path)
    : path.replace(/\/$/, '').endsWith(webhookPath)
}

/** Whether it is, and no route of the service takes it. The plugin's receiver may be below any prefix. */
export const missesReceiver = (hook: Hook, { webhookPath }: SettingsFacts): boolean =>
  webhookPath === undefined && !SERVICE_PATH.test(pathOf(hook) ?? '')

/** Every hook that calls us, once for each list. */
export function ourHooks ({ config, settings }: FileFacts): Hook[] {
  const after = (flow: HookedFlow): Hook[] => {
    const methods = isRecord(valueAt(config, `${FLOWS}.${flow}.after`))
      ? Object.keys(valueAt(config, `${FLOWS}.${flow}.after`) as JsonObject)
      : []
    return methods.flatMap((method) => hooksAfter(config, flow, method))
  }
  const all = HOOKED_FLOWS.flatMap(after).filter((hook) => isOurs(hook, settings))
  return [...new Map(all.map((one) => [`${one.place} ${textAt(one.hook, 'config.url')}`, one])).values()]
}
