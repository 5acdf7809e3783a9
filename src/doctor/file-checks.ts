import { isHttpsUrl } from '../url-rules.js'
import type { FileFacts } from './facts.js'
import { type Checks, error, note, warning } from './finding.js'
import { hostOf, isInternal, originOf } from './hosts.js'
import { listAt, textAt, valueAt } from './kratos-config.js'
import { isPrinted } from './secrets.js'

const DEFAULT_COOKIE_NAME = 'ory_kratos_session'
const FLOWS = ['login', 'registration', 'settings', 'recovery', 'verification', 'error']

const isOn = (config: unknown, path: string): boolean => valueAt(config, path) === true
const isFactor = (config: unknown, path: string): boolean => isOn(config, `selfservice.methods.${path}`)
/** Whether users can have a second factor. */
const hasSecondFactors = (config: unknown): boolean =>
  ['totp.enabled', 'lookup_secret.enabled', 'code.mfa_enabled'].some((path) => isFactor(config, path)) ||
  (isFactor(config, 'webauthn.enabled') && !isFactor(config, 'webauthn.config.passwordless'))

const withoutSlash = (url: string): string => url.replace(/(?<!\/)\/+$/, '')

/** Settings of Kratos' own files. What they leave to its environment is not known here. */
export const FILE_CHECKS: Checks<FileFacts> = {
  'cookie-name': ({ config, settings: { cookieName, nameOf } }) => {
    const name = textAt(config, 'session.cookie.name') ?? DEFAULT_COOKIE_NAME
    if (name === cookieName) return []
    return [error(
      `Kratos' session cookie is called ${name}, and ${nameOf('cookieName')} is ${cookieName}: a login is done, and the next request is 401`,
      `set ${nameOf('cookieName')} to ${name}, or session.cookie.name to ${cookieName}`,
    )]
  },

  'session-cookie-scheme': ({ config, settings: { baseUrl = '', nameOf } }) => {
    const secure = valueAt(config, 'session.cookie.secure') ?? valueAt(config, 'cookies.secure')
    if (!isHttpsUrl(baseUrl) || String(secure) !== 'false') return []
    return [warning(
      `The session cookie is not Secure, although ${nameOf('baseUrl')} is https: a browser sends it in the clear too`,
      'take session.cookie.secure and cookies.secure out',
    )]
  },

  'session-cookie-domain': ({ config, settings: { baseUrl, nameOf } }) => {
    const domain = (textAt(config, 'session.cookie.domain') ?? textAt(config, 'cookies.domain'))?.replace(/^\./, '')
    if (domain === undefined || domain === '' || baseUrl === undefined) return []
    const host = hostOf(baseUrl)
    if (host === domain || host.endsWith(`.${domain}`)) return []
    return [error(
      `The session cookie is for ${domain}, and ${nameOf('baseUrl')} is at ${host}: browsers drop it`,
      `take session.cookie.domain and cookies.domain out, or set them to a domain of ${host}`,
    )]
  },

  'session-cookie-path': ({ config }) => {
    const path = textAt(config, 'session.cookie.path') ?? textAt(config, 'cookies.path') ?? '/'
    return path === '/' || path === ''
      ? []
      : [error(
          `The session cookie is for the path ${path}: browsers do not send it to /api/auth, so a login is done, and the next request is 401`,
          'take session.cookie.path and cookies.path out',
        )]
  },

  'cookie-same-site': ({ config }) => {
    const [sameSite, secure] = ['same_site', 'secure'].map((name) => valueAt(config, `session.cookie.${name}`) ?? valueAt(config, `cookies.${name}`))
    if (sameSite === 'None' && String(secure) === 'false') {
      return [error('The session cookie is SameSite=None and not Secure: browsers drop it', 'set session.cookie.same_site and cookies.same_site to Lax')]
    }
    return valueAt(config, 'cookies.same_site') === 'Strict' && isFactor(config, 'oidc.enabled')
      ? [error(
          'cookies.same_site is Strict: browsers send no cookie along when a provider sends them back, and every social login fails',
          'set cookies.same_site: Lax',
        )]
      : []
  },

  'file-base-url': ({ config, settings: { browserUrl, nameOf } }) => {
    const url = textAt(config, 'serve.public.base_url')
    if (url === undefined || withoutSlash(url) === withoutSlash(browserUrl)) return []
    return [warning(
      `serve.public.base_url is ${url}, but ${nameOf('browserUrl')} is ${browserUrl}: redirects of Kratos are refused, and social login and links of mails lead elsewhere`,
      `set ${nameOf('browserUrl')} to ${url}, or serve.public.base_url to what browsers reach`,
    )]
  },

  'mail-links-of-flows': ({ config, settings: { baseUrl = '' } }) => {
    const url = textAt(config, 'serve.public.base_url') ?? ''
    if (isInternal(hostOf(baseUrl)) || !isInternal(hostOf(url))) return []
    return ['recovery', 'verification']
      .filter((flow) => isOn(config, `selfservice.flows.${flow}.enabled`))
      .filter((flow) => textAt(config, `selfservice.flows.${flow}.use`) === 'link')
      .map((flow) => error(
        `Mails of ${flow} hold a link to ${originOf(url)} and nothing else: nobody outside can open it`,
        `set selfservice.flows.${flow}.use: code, or serve.public.base_url to what browsers reach`,
      ))
  },

  'return-addresses-of-file': ({ config, settings: { origins, frontendUrl, nameOf } }) => {
    const allowed = [textAt(config, 'selfservice.default_browser_return_url') ?? '', ...listAt(config, 'selfservice.allowed_return_urls')]
    // A relative address or a wildcard is Kratos' to judge; the running one is asked anyway.
    if (allowed.some((url) => typeof url !== 'string' || (url !== '' && (!URL.canParse(url) || url.includes('*'))))) return []
    const known = new Set(allowed.map((url) => originOf(String(url))))
    const wanted = new Set([...origins, ...(frontendUrl === undefined ? [] : [originOf(frontendUrl)])])
    return [...wanted].filter((origin) => !known.has(origin)).map((origin) => warning(
      `selfservice.allowed_return_urls has nothing of ${origin}, which ${nameOf('origins')} or ${nameOf('frontendUrl')} names: a return_to there is 400`,
      `add ${origin} to selfservice.allowed_return_urls`,
    ))
  },

  'pages-of-flows': ({ config, settings: { origins, frontendUrl = '', baseUrl = '', nameOf } }) => {
    const known = new Set([...origins, originOf(frontendUrl), originOf(baseUrl)])
    const pages = FLOWS.map((flow) => textAt(config, `selfservice.flows.${flow}.ui_url`)).filter((url) => url !== undefined)
    const foreign = new Set(pages.map(originOf).filter((origin) => origin !== '' && origin !== 'null' && !known.has(origin)))
    return [...foreign].map((origin) => warning(
      `Kratos sends browsers to pages of ${origin}, which ${nameOf('origins')} does not name: what these pages post is refused with 403`,
      `add ${origin} to ${nameOf('origins')}, or correct the ui_url of the flows`,
    ))
  },

  'relative-pages': ({ config, settings: { origins, frontendUrl, baseUrl, browserUrl, nameOf } }) => {
    const home = originOf(browserUrl)
    const frontEnds = [...origins, ...(frontendUrl === undefined ? [] : [originOf(frontendUrl)])]
    if (frontEnds.length === 0 || frontEnds.includes(home) || frontEnds.includes(originOf(baseUrl ?? ''))) return []
    const places = ['selfservice.default_browser_return_url', ...FLOWS.map((flow) => `selfservice.flows.${flow}.ui_url`)]
    const relative = places.filter((path) => !URL.canParse(textAt(config, path) ?? home))
    return relative.length === 0
      ? []
      : [warning(
          `${relative.join(', ')} is relative: browsers look for that page at ${home}, and the front end is at ${frontEnds[0]}`,
          `write it in full, beginning with ${frontEnds[0]}, as ${nameOf('frontendUrl')} has it`,
        )]
  },

  'mailing-method': ({ config }) =>
    ['recovery', 'verification'].filter((flow) => isOn(config, `selfservice.flows.${flow}.enabled`)).flatMap((flow) => {
      const method = textAt(config, `selfservice.flows.${flow}.use`) ?? 'code'
      return valueAt(config, `selfservice.methods.${method}.enabled`) === false
        ? [error(`A ${flow} works by ${method}, and selfservice.methods.${method} is switched off: there is none`, `set selfservice.methods.${method}.enabled: true`)]
        : []
    }),

  'social-login-callback': ({ config, settings: { baseUrl, browserUrl, hasProxy } }) =>
    hasProxy === false && isFactor(config, 'oidc.enabled') && baseUrl !== undefined && originOf(browserUrl) === originOf(baseUrl) &&
    textAt(config, 'selfservice.methods.oidc.config.base_redirect_uri') === undefined
      ? [error(
          `Providers of social logins send browsers back to ${browserUrl}, which this service does not pass on: every social login ends with 404`,
          'set KRATOS_PROXY=true',
        )]
      : [],

  'passkey-site': ({ config, settings: { origins, frontendUrl } }) => {
    const pages = [...new Set([...origins, ...(frontendUrl === undefined ? [] : [originOf(frontendUrl)])])]
    return ['passkey', 'webauthn'].filter((method) => isFactor(config, `${method}.enabled`)).flatMap((method) => {
      const rp = `selfservice.methods.${method}.config.rp`
      const id = textAt(config, `${rp}.id`) ?? ''
      const allowed = [...listAt(config, `${rp}.origins`), valueAt(config, `${rp}.origin`)].filter((url) => typeof url === 'string').map(originOf)
      const fits = (page: string): boolean =>
        (hostOf(page) === id || hostOf(page).endsWith(`.${id}`)) && (allowed.length === 0 || allowed.includes(page))
      return id === '' || pages.length === 0 || pages.some(fits)
        ? []
        : [error(
            `${rp} is for ${id}${allowed.length === 0 ? '' : ` and ${allowed.join(', ')}`}, and no front end is there (${pages.join(', ')}): browsers make no ${method} credential`,
            `set ${rp}.id to the host of the front end, or a domain above it, and name its origin in ${rp}.origins`,
          )]
    })
  },

  'required-aal': ({ config }) => {
    if (!hasSecondFactors(config)) return []
    const places = ['session.whoami.required_aal', 'selfservice.flows.settings.required_aal']
    return places.filter((path) => (textAt(config, path) ?? 'aal1') !== 'highest_available').map((path) => warning(
      `${path} is ${textAt(config, path) ?? 'aal1, its default'}: whoever has a second factor does not need it`,
      `set ${path}: highest_available`,
    ))
  },

  'recovery-by-link': ({ config }) =>
    isOn(config, 'selfservice.flows.recovery.enabled') && textAt(config, 'selfservice.flows.recovery.use') === 'link'
      ? [note('Recovery mails hold a link: a client that sends a code is refused with 400 FLOW_REJECTED', 'set selfservice.flows.recovery.use: code if your front end asks for a code')]
      : [],

  'recovery-transitions': ({ config }) =>
    isOn(config, 'selfservice.flows.recovery.enabled') && !isOn(config, 'feature_flags.use_continue_with_transitions')
      ? [warning('A recovery by an API flow gives no session: Kratos answers 422', 'set feature_flags.use_continue_with_transitions: true')]
      : [],

  'registration-style': ({ config }) =>
    isOn(config, 'selfservice.flows.registration.enable_legacy_one_step') || valueAt(config, 'selfservice.flows.registration.enabled') === false ||
    textAt(config, 'selfservice.flows.registration.style') === 'unified'
      ? []
      : [note('A registration asks for the profile first and then for the password: it takes two posts', 'set selfservice.flows.registration.style: unified for one form')],

  'cacheable-flag': ({ config, settings: { sessionCacheMaxAge, nameOf } }) =>
    sessionCacheMaxAge > 0 && !isOn(config, 'feature_flags.cacheable_sessions')
      ? [warning(
          `${nameOf('sessionCacheMaxAge')} is ${sessionCacheMaxAge}, but feature_flags.cacheable_sessions is off: no session is cached`,
          'set feature_flags.cacheable_sessions: true',
        )]
      : [],

  'printed-secrets': ({ config }) =>
    ['default', 'cookie', 'cipher', 'pagination'].filter((name) => listAt(config, `secrets.${name}`).some(isPrinted)).map((name) => error(
      `secrets.${name} is printed in somebody's public files: whoever has read them can forge ${name === 'cipher' ? 'what is stored' : 'cookies'}`,
      `make a new one with openssl rand -hex 16, and put it first in secrets.${name}`,
    )),

  'hook-key-printed': ({ config }) =>
    /Bearer development-webhook-key|"value":"development-webhook-key/.test(JSON.stringify(config))
      ? [error('The key of a web_hook is printed in kratos.yml of a public repository', 'give it by Kratos\' environment, as docker-compose.yml does')]
      : [],

  'secrets-in-log': ({ config }) =>
    isOn(config, 'log.leak_sensitive_values')
      ? [error('Kratos writes passwords, cookies and codes into its log', 'set log.leak_sensitive_values: false')]
      : [],
}
