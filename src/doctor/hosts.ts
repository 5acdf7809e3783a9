import { BlockList, isIP } from 'node:net'

/** Host names and addresses as a browser elsewhere sees them. */
const PRIVATE = new BlockList()
for (const [range, bits] of [['10.0.0.0', 8], ['172.16.0.0', 12], ['192.168.0.0', 16], ['169.254.0.0', 16]] as const) {
  PRIVATE.addSubnet(range, bits, 'ipv4')
}
PRIVATE.addSubnet('fc00::', 7, 'ipv6')
PRIVATE.addSubnet('fe80::', 10, 'ipv6')

const bare = (host: string): string => host.replace(/^\[|\]$/g, '')
const familyOf = (address: string): 'ipv4' | 'ipv6' => isIP(address) === 6 ? 'ipv6' : 'ipv4'

export const hostOf = (url: string): string => URL.canParse(url) ? bare(new URL(url).hostname) : ''
export const originOf = (url: string): string => URL.canParse(url) ? new URL(url).origin : ''

export const isLoopback = (host: string): boolean =>
  /^(?:localhost|127\.\d+\.\d+\.\d+|::1|.+\.localhost)$/.test(bare(host))

export const isPrivateAddress = (address: string): boolean =>
  isIP(address) !== 0 && (isLoopback(address) || PRIVATE.check(address, familyOf(address)))

/** A host that only the machine itself, or the network around it, can reach: no user's browser does. */
export const isInternal = (host: string): boolean =>
  isLoopback(host) || isPrivateAddress(bare(host)) || (isIP(bare(host)) === 0 && !bare(host).includes('.')) ||
  /\.(?:internal|local|svc|cluster\.local)$/.test(host)

/**
 * Whether two hosts may be of one site, by their last two names: browsers know more public suffixes, and so find more
 * sites, but never fewer.
 */
export function mayBeOneSite (one: string, other: string): boolean {
  const siteOf = (host: string): string => isIP(host) !== 0 ? host : host.split('.').slice(-2).join('.')
  return siteOf(one) === siteOf(other)
}
