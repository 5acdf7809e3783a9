import { type Checks, error, note, warning } from './finding.js'
import type { PortFacts, ProbeFacts } from './facts.js'
import { faultWords, isUnknownAuthority, speaksNoTls } from './faults.js'
import { hostOf, isInternal, isLoopback, originOf } from './hosts.js'
import { TRAIT_CHECKS } from './trait-checks.js'
import { isHttpsUrl } from '../url-rules.js'

/** What Kratos is tested against; another minor release may answer otherwise. */
const TESTED = 'v26.2'
/** A `Date` has whole seconds, and an answer takes a while. */
const MAX_SKEW_MS = 5000

const sameUrl = (one: string, other: string): boolean =>
  one.replace(/(?<!\/)\/+$/, '') === other.replace(/(?<!\/)\/+$/, '')

const WHO: Record<PortFacts['answering'], string> = {
  public: "Kratos' public port",
  admin: "Kratos' admin port",
  both: 'something in front of both of Kratos\' ports',
  other: 'somebody who is not Kratos, or another path of it',
  nobody: 'nobody',
}

const because = ({ fault, says }: PortFacts): string => {
  const words = fault === undefined ? says : faultWords(fault)
  return words === undefined ? '' : ` (${words})`
}
/** What to change where an address does not lead to a port of Kratos. */
const correction = ({ fault, says = '' }: PortFacts, name: string, byDefault: string): string => {
  if (isUnknownAuthority(fault)) return 'give the file of that authority to this process: NODE_EXTRA_CA_CERTS=<file>'
  if (speaksNoTls(fault)) return `write http instead of https in ${name}, or let it name the port that speaks TLS`
  if (/TLS|redirects/.test(says)) return `write in ${name} where Kratos itself is, scheme included`
  return byDefault
}

/** What a running Kratos tells by itself. */
export const PROBE_CHECKS: Checks<ProbeFacts> = {
  ...TRAIT_CHECKS,

  'kratos-urls-mixed-up': ({ settings: { nameOf }, kratos }) =>
    kratos.public.answering === 'admin'
      ? [error(
          `${nameOf('publicUrl')} leads to Kratos' admin port: every login fails with 502, and the admin port must not be reachable by clients`,
          kratos.admin?.answering === 'public'
            ? `swap ${nameOf('publicUrl')} and ${nameOf('adminUrl')}`
            : `let ${nameOf('publicUrl')} name Kratos' public port (4433 by default), base path included`,
        )]
      : [],

  'admin-api-exposed': ({ settings: { nameOf }, kratos }) =>
    kratos.public.answering === 'both'
      ? [warning(
          `At ${nameOf('publicUrl')} Kratos' admin API answers too: whoever reaches that address administers all accounts, without a password`,
          'let what is in front of Kratos pass nothing of /admin/ to its admin port',
        )]
      : [],

  'other-kratos': ({ settings: { nameOf }, kratos: { schemas = [], adminSchemas = [] } }) =>
    schemas.length === 0 || adminSchemas.length === 0 || JSON.stringify(schemas) === JSON.stringify(adminSchemas)
      ? []
      : [error(
          `${nameOf('publicUrl')} and ${nameOf('adminUrl')} are two different Kratos, with identity schemas of their own: accounts are looked for where they are not`,
          'let both name the ports of one Kratos',
        )],

  'kratos-failing': ({ settings: { nameOf }, kratos: { failure } }) =>
    failure === undefined
      ? []
      : [error(
          `Kratos at ${nameOf('publicUrl')} answers ${failure} to the start of a login: nobody can log in`,
          'see its log: mostly its database cannot be reached (dsn), or `kratos migrate sql` was not run after an upgrade',
        )],

  'kratos-public-url': ({ settings: { nameOf }, kratos: { public: port } }) =>
    port.answering !== 'other' && port.answering !== 'nobody'
      ? []
      : [error(
          `At ${nameOf('publicUrl')} answers ${WHO[port.answering]}${because(port)}: nobody can log in`,
          correction(port, nameOf('publicUrl'), `start Kratos, or let ${nameOf('publicUrl')} name its public port (4433 by default), base path included`),
        )],

  'kratos-admin-url': ({ settings: { nameOf }, kratos: { admin } }) =>
    admin === undefined || admin.answering === 'admin' || admin.answering === 'both'
      ? []
      : [error(
          `At ${nameOf('adminUrl')} answers ${WHO[admin.answering]}${because(admin)}: accounts cannot be deleted`,
          correction(admin, nameOf('adminUrl'), `let ${nameOf('adminUrl')} name Kratos' admin port (4434 by default), which this process alone should reach`),
        )],

  'kratos-admin-port-absent': ({ settings: { adminUrl, nameOf } }) =>
    adminUrl === undefined
      ? [note('Without an admin URL there is no DELETE /api/auth/account', `set ${nameOf('adminUrl')} if users may delete their account`)]
      : [],

  'kratos-version': ({ kratos: { admin } }) => {
    const { version } = admin ?? {}
    if (version === undefined || !/^v\d/.test(version) || version.startsWith(`${TESTED}.`)) return []
    return [note(`Kratos is ${version}; what this talks to is tested against ${TESTED}`, 'read the notes of that release, or run npm run test:contract against it')]
  },

  'base-url': ({ settings: { browserUrl, nameOf }, kratos: { baseUrl } }) =>
    baseUrl === undefined || sameUrl(baseUrl, browserUrl)
      ? []
      : [warning(
          `Kratos' serve.public.base_url is ${baseUrl}, but ${nameOf('browserUrl')} is ${browserUrl}: redirects of Kratos are refused, and social login and links of mails lead elsewhere`,
          `set ${nameOf('browserUrl')} to ${baseUrl}, or serve.public.base_url to what browsers reach`,
        )],

  'mail-links': ({ settings: { baseUrl: ownUrl, nameOf }, kratos: { baseUrl } }) =>
    baseUrl === undefined || ownUrl === undefined || isInternal(hostOf(ownUrl)) || !isInternal(hostOf(baseUrl))
      ? []
      : [warning(
          `Links in mails begin with serve.public.base_url, which is ${originOf(baseUrl)}: nobody outside can open them`,
          `serve Kratos' public API under ${nameOf('baseUrl')} (KRATOS_PROXY=true in the service, proxy: true in the plugin) and set serve.public.base_url to <${nameOf('baseUrl')}>/kratos/`,
        )],

  'secure-cookies': ({ settings: { baseUrl, nameOf }, kratos: { cookie } }) => {
    if (cookie === undefined || baseUrl === undefined) return []
    if (cookie.isSecure && !isHttpsUrl(baseUrl)) {
      const where = isLoopback(hostOf(baseUrl)) ? 'in Safari a' : 'a'
      return [error(
        `Kratos marks its cookies Secure, and ${nameOf('baseUrl')} is http: ${where} login is done, and the next request is 401`,
        `serve https and say so in ${nameOf('baseUrl')}; for plain http in development start Kratos with --dev, or set cookies.secure and session.cookie.secure to 'false'`,
      )]
    }
    if (!cookie.isSecure && isHttpsUrl(baseUrl)) {
      return [warning(
        `Kratos does not mark its cookies Secure, although ${nameOf('baseUrl')} is https: a browser sends them in the clear too`,
        'start Kratos without --dev, and take cookies.secure and session.cookie.secure out',
      )]
    }
    return []
  },

  'cookie-domain': ({ settings: { baseUrl, nameOf }, kratos: { cookie } }) => {
    if (cookie?.domain === undefined || baseUrl === undefined) return []
    const [host, domain] = [hostOf(baseUrl), cookie.domain.replace(/^\./, '')]
    if (host === domain || host.endsWith(`.${domain}`)) return []
    return [error(
      `Kratos' cookies are for ${domain}, and ${nameOf('baseUrl')} is at ${host}: browsers drop them`,
      `take cookies.domain and session.cookie.domain out, or set them to a domain of ${host}`,
    )]
  },

  'cookie-path': ({ settings: { baseUrl }, kratos: { cookie } }) =>
    cookie?.path === undefined || baseUrl === undefined || cookie.path === '/'
      ? []
      : [error(
          `Kratos' cookies are for the path ${cookie.path}: browsers send none of them to /api/auth, and every post of a form is refused`,
          'take cookies.path and session.cookie.path out',
        )],

  'return-addresses': ({ settings: { nameOf, returnUrls = [] }, kratos: { refusedReturns } }) =>
    refusedReturns.map((url) => {
      const isListed = returnUrls.includes(url)
      const names = isListed ? nameOf('returnUrls') : `${nameOf('origins')} or ${nameOf('frontendUrl')}`
      return warning(
        `Kratos lets no flow return to ${url}, which ${names} names: a return_to there is 400`,
        `add ${isListed ? url : originOf(url)} to selfservice.allowed_return_urls`,
      )
    }),

  cacheable: ({ settings: { sessionCacheMaxAge, nameOf }, kratos: { isCacheable } }) =>
    sessionCacheMaxAge > 0 && isCacheable === false
      ? [warning(
          `${nameOf('sessionCacheMaxAge')} is ${sessionCacheMaxAge}, but Kratos does not allow sessions to be cached: none is`,
          'set feature_flags.cacheable_sessions: true in Kratos',
        )]
      : [],

  'clock-skew': ({ kratos: { aheadMs = 0 } }) =>
    Math.abs(aheadMs) <= MAX_SKEW_MS
      ? []
      : [warning(
          `The clock here is ${Math.round(Math.abs(aheadMs) / 1000)} s ${aheadMs > 0 ? 'ahead of' : 'behind'} that of Kratos`,
          'let both machines keep their time by NTP',
        )],
}
