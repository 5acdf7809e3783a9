import { isHttpsUrl } from '../url-rules.js'
import { type Checks, error, note, warning } from './finding.js'
import type { SettingsFacts } from './facts.js'
import { hostOf, isInternal, isLoopback, isPrivateAddress, mayBeOneSite } from './hosts.js'
import { isPrinted } from './secrets.js'

/** What is known without asking anybody. */
export interface EnvironmentFacts {
  settings: SettingsFacts
  /** Proxies whose X-Forwarded-For is believed; undefined: this app does not say. */
  trustedProxies?: string[] | undefined
  /** Names of variables that nobody reads, and what each may have meant. */
  unknownVariables: Array<{ name: string, nearest: string }>
  /** Secrets by the names of their variables. */
  secrets: Record<string, string | undefined>
}

const bitsOf = (range: string): number => Number(range.split('/')[1] ?? 128)
const addressOf = (range: string): string => range.split('/')[0] ?? ''
/** A range whose members are not all machines of the operator. */
const isTooWide = (range: string): boolean => {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(addressOf(range))?.[1]
  if (mapped !== undefined) return isTooWide(`${mapped}/${bitsOf(range) - 96}`)
  const widest = addressOf(range).includes(':') ? 48 : isPrivateAddress(addressOf(range)) ? 12 : 24
  return range.includes('/') && bitsOf(range) < widest
}

export const ENVIRONMENT_CHECKS: Checks<EnvironmentFacts> = {
  'unknown-variables': ({ unknownVariables }) =>
    unknownVariables.map(({ name, nearest }) => warning(
      `${name} is set, and nothing reads it`,
      `take it out, or correct its name: the nearest one is ${nearest}`,
    )),

  'printed-keys': ({ secrets }) =>
    Object.keys(secrets).filter((name) => isPrinted(secrets[name])).map((name) => error(
      `${name} is printed in public files: anybody can send it`,
      'take one of your own: openssl rand -hex 32',
    )),

  'insecure-base-url': ({ settings: { baseUrl = '', nameOf } }) =>
    baseUrl === '' || isHttpsUrl(baseUrl) || isLoopback(hostOf(baseUrl))
      ? []
      : [warning(
          `${nameOf('baseUrl')} is http on a host that is not this machine: session cookies travel in the clear`,
          'put TLS in front, and say https in it',
        )],

  'kratos-in-the-clear': ({ settings: { publicUrl, adminUrl, nameOf } }) =>
    (['publicUrl', 'adminUrl'] as const).filter((name) => {
      const url = name === 'publicUrl' ? publicUrl : adminUrl
      return url !== undefined && !isHttpsUrl(url) && !isInternal(hostOf(url))
    }).map((name) => warning(
      `${nameOf(name)} is http on a host that is not inside: ${name === 'publicUrl' ? 'passwords and sessions' : 'all accounts'} travel in the clear`,
      `write the name that Kratos has inside your network into ${nameOf(name)}, or https`,
    )),

  'insecure-origins': ({ settings: { baseUrl = '', origins, nameOf } }) =>
    origins.filter((origin) => isHttpsUrl(baseUrl) && !isHttpsUrl(origin) && !isLoopback(hostOf(origin)))
      .map((origin) => warning(
      `${nameOf('origins')} trusts ${origin}, which anybody on the way can play`,
      'serve that page by https too',
      )),

  'origin-of-another-site': ({ settings: { baseUrl, origins, nameOf } }) =>
    baseUrl === undefined
      ? []
      : origins.filter((origin) => !mayBeOneSite(hostOf(origin), hostOf(baseUrl)))
        // The second name of one machine is common in development, where both are listed.
        .filter((origin) => !(isLoopback(hostOf(origin)) && origins.some((other) => hostOf(other) === hostOf(baseUrl))))
        .map((origin) => warning(
          `${origin} and ${nameOf('baseUrl')} (${hostOf(baseUrl)}) are two sites: browsers send no cookie along, and a page there is never logged in`,
          'serve both under one domain, such as app.example.com and api.example.com; localhost and 127.0.0.1 are two sites too',
        )),

  'frontend-not-an-origin': ({ settings: { frontendUrl, origins, baseUrl = '', nameOf } }) => {
    if (frontendUrl === undefined || !URL.canParse(frontendUrl)) return []
    const { origin } = new URL(frontendUrl)
    if (origins.includes(origin) || (URL.canParse(baseUrl) && new URL(baseUrl).origin === origin)) return []
    return [warning(
      `${nameOf('frontendUrl')} is at ${origin}, which ${nameOf('origins')} does not name: its posts are refused with 403`,
      `add ${origin} to ${nameOf('origins')}`,
    )]
  },

  'proxy-not-trusted': ({ settings: { baseUrl = '', nameOf }, trustedProxies }) =>
    trustedProxies === undefined || trustedProxies.length > 0 || !isHttpsUrl(baseUrl)
      ? []
      : [warning(
          `${nameOf('baseUrl')} is https, so a proxy is in front, and TRUST_PROXY is empty: all clients have the address of that proxy, and one login budget together`,
          "set TRUST_PROXY to the proxy's address or range",
        )],

  'proxy-trusted-too-widely': ({ trustedProxies = [] }) =>
    trustedProxies.filter(isTooWide).map((range) => warning(
      `TRUST_PROXY trusts ${range}: every machine of that range may say which address a request comes from, and so goes around the login budgets`,
      'name the proxies alone, or the smallest network that holds them',
    )),

  'internal-base-url': ({ settings: { baseUrl, origins, nameOf } }) =>
    baseUrl !== undefined && isInternal(hostOf(baseUrl)) && origins.some((origin) => !isInternal(hostOf(origin)))
      ? [note(`${nameOf('baseUrl')} is a name inside your network, and front ends are outside: links that are made of it lead nowhere`, 'set it to what browsers reach')]
      : [],
}
