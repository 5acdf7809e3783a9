import { isObject, type Json } from '../../json.js'
import { NEWER_HOOKS } from '../newer.js'
import {
  boolean,
  distinct,
  duration,
  group,
  ignored,
  oneOf,
  absoluteUrl,
  read,
  text,
  unbuilt,
  url,
  webHookBody,
  type Rule,
} from '../rules.js'
import { authentication } from './requests.js'
import { ORGANIZATIONS } from './reasons.js'

const LEFT_OUT: Record<string, string> = {
  b2b_sso: ORGANIZATIONS,
  organization: ORGANIZATIONS,
  ...Object.fromEntries(NEWER_HOOKS.map((name) => [name, 'hooks that Kratos v26.2.0 does not have'])),
}
const NEED_CONFIG = ['web_hook', 'b2b_sso', 'organization']

/** Kratos refuses both combinations: an ignored response cannot be read. */
function webHookProblem (config: Json): string | undefined {
  const { response, can_interrupt: canInterrupt } = isObject(config) ? config : {}
  const { ignore, parse } = isObject(response) ? response : {}
  return ignore === true && (parse === true || canInterrupt === true)
    ? 'ignores the response and wants to read it'
    : undefined
}

function hookProblem (names: string[]): (hook: Json) => string | undefined {
  const known = oneOf(...names)
  return (hook) => {
    const { hook: name = '', config, ...others } = isObject(hook) ? hook : {}
    const [stranger] = Object.keys(others)
    if (stranger !== undefined) return `has no setting ${JSON.stringify(stranger)}; known here: config, hook`
    const isNewer = NEWER_HOOKS.includes(String(name))
    const problem = isNewer || Object.hasOwn(LEFT_OUT, String(name)) ? undefined : known.problem(name)
    if (problem !== undefined) return `is the hook ${JSON.stringify(name)}, but ${problem}`
    if (NEED_CONFIG.includes(String(name))) return isObject(config) ? undefined : 'lacks config'
    return config === undefined || isNewer ? undefined : `has a config, which ${String(name)} does not know`
  }
}

/** A feature that is left out, with the hook. */
const featureOf = (hook: Json): string | undefined => LEFT_OUT[String(isObject(hook) ? hook['hook'] : '')]

/** The hooks that Kratos allows in one place, with their settings. */
const hooks = (place: string, ...names: string[]): Record<string, Rule> => ({
  [`${place}.hooks`]: distinct,
  [`${place}.hooks[]`]: group(['hook'], hookProblem(names), featureOf),
  [`${place}.hooks[].hook`]: read(text),
  [`${place}.hooks[].config`]: group(['url', 'method'], webHookProblem),
  [`${place}.hooks[].config.id`]: ignored('it only names the hook in the log', text),
  [`${place}.hooks[].config.url`]: read(absoluteUrl),
  [`${place}.hooks[].config.method`]: read(text),
  [`${place}.hooks[].config.headers.*`]: read(text),
  [`${place}.hooks[].config.body`]: read(webHookBody),
  [`${place}.hooks[].config.{can_interrupt,emit_analytics_event}`]: read(boolean),
  [`${place}.hooks[].config.response.{ignore,parse}`]: read(boolean),
  ...authentication(`${place}.hooks[].config`),
})

const LOGIN_HOOKS = [
  'web_hook',
  'revoke_active_sessions',
  'require_verified_address',
  'verification',
  'show_verification_ui',
]

export const FLOWS: Record<string, Rule> = {
  'selfservice.flows.error.ui_url': read(url),
  'selfservice.flows.logout.after.default_browser_return_url': read(url),
  'selfservice.flows.{registration,login,settings,recovery,verification}.ui_url': read(url),
  'selfservice.flows.{registration,login,settings,recovery,verification}.lifespan': read(duration),
  'selfservice.flows.{registration,login,settings,recovery,verification}.after.default_browser_return_url': read(url),
  'selfservice.flows.registration.after.{password,code,oidc,passkey,webauthn}.default_browser_return_url': read(url),
  'selfservice.flows.login.after.{password,code,oidc,passkey,webauthn,totp,lookup_secret}.default_browser_return_url':
    read(url),
  'selfservice.flows.settings.after.{profile,password,oidc,passkey}.default_browser_return_url': read(url),
  'selfservice.flows.settings.after.{webauthn,totp,lookup_secret}.default_browser_return_url': read(url),
  'selfservice.flows.{registration,recovery,verification}.enabled': read(boolean),
  'selfservice.flows.{recovery,verification}.use': read(oneOf('code', 'link')),
  'selfservice.flows.{recovery,verification}.notify_unknown_recipients': read(boolean),
  'selfservice.flows.registration.style': read(oneOf('unified', 'profile_first')),
  'selfservice.flows.registration.enable_legacy_one_step': read(boolean),
  'selfservice.flows.registration.login_hints': unbuilt('login hints for a taken identifier', boolean, false),
  'selfservice.flows.login.style': read(oneOf('unified', 'identifier_first')),
  'selfservice.flows.settings.privileged_session_max_age': read(duration),
  'selfservice.flows.settings.required_aal': read(oneOf('aal1', 'highest_available')),
  ...hooks('selfservice.flows.{registration,login,settings,recovery,verification}.before', 'web_hook'),
  ...hooks('selfservice.flows.{registration,settings,verification}.after', 'web_hook'),
  ...hooks(
    'selfservice.flows.registration.after.{password,code,oidc,passkey,webauthn}',
    'session',
    'web_hook',
    'show_verification_ui',
  ),
  ...hooks('selfservice.flows.login.after', ...LOGIN_HOOKS),
  ...hooks('selfservice.flows.login.after.{password,code,passkey,webauthn,totp,lookup_secret}', ...LOGIN_HOOKS),
  ...hooks('selfservice.flows.login.after.oidc', 'web_hook', 'revoke_active_sessions', 'require_verified_address'),
  ...hooks(
    'selfservice.flows.settings.after.{password,oidc,passkey,webauthn,totp,lookup_secret}',
    'web_hook',
    'revoke_active_sessions',
  ),
  ...hooks('selfservice.flows.settings.after.profile', 'web_hook', 'show_verification_ui'),
  ...hooks('selfservice.flows.recovery.after', 'web_hook', 'revoke_active_sessions'),
}
