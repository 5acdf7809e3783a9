import { isIPv4 } from 'node:net'
import ipaddr from 'ipaddr.js'

/** `203.0.113.7:20001` and `[2001:db8::7]:443`, as some proxies write a client's address. */
const WITH_PORT = /^(?:\[([^\]]+)\]|([\d.]+))(?::\d{1,5})?$/

/** Without a port; IPv4 in an IPv6 socket's form is the IPv4 client that it is. Undefined for no address. */
export function addressOf (text: string | undefined): string | undefined {
  // Nearly every address, and in the one spelling that there is of it.
  if (text === undefined || isIPv4(text)) return text
  const trimmed = text.trim()
  const [, inBrackets, beforePort] = WITH_PORT.exec(trimmed) ?? []
  const bare = inBrackets ?? beforePort ?? trimmed
  // `isValid` also takes `7` and `0x7f.1`: several spellings of one address.
  if (!ipaddr.IPv4.isValidFourPartDecimal(bare) && !ipaddr.IPv6.isValid(bare)) return undefined
  return ipaddr.process(bare).toString()
}

/** A bucket of `share` times the budget of a single client. */
export interface Network {
  name: string
  share: number
}

/** A /48 has 65,536 networks, and may be one customer's of a provider. */
const SITE_SHARE = 8

const prefixOf = (address: string, bits: number): string =>
  `${ipaddr.IPv6.networkAddressFromCIDR(`${address}/${bits}`).toString()}/${bits}`

/** A network that many share: an IPv4 address's /24, an IPv6 address's /48. @param address as `addressOf` gives it */
export const coarseNetwork = (address: string): string =>
  ipaddr.IPv6.isValid(address)
    ? prefixOf(address, 48)
    : `${ipaddr.IPv4.networkAddressFromCIDR(`${address}/24`).toString()}/24`

/** An address, or with IPv6 its /64: whose requests and connections are one client's. */
export const clientOf = (text: string | undefined): string => networksOf(text)[0]?.name ?? ''

/** An address; with IPv6 its /64, whose holder has all 2^64, and its /48. All that is no address is one client. */
export function networksOf (text: string | undefined): Network[] {
  const address = addressOf(text)
  if (address === undefined) return [{ name: 'unknown', share: 1 }]
  if (!ipaddr.IPv6.isValid(address)) return [{ name: address, share: 1 }]
  return [{ name: prefixOf(address, 64), share: 1 }, { name: prefixOf(address, 48), share: SITE_SHARE }]
}
