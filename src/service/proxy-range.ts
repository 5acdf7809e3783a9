import { BlockList, isIP } from 'node:net'
import { addressOf } from '../throttling/address.js'

/** IPv4 reaches an IPv6 socket in this form, so an IPv6 range around it would trust every IPv4 client. */
function coversAllOfIpv4 (address: string, bits: number): boolean {
  const range = new BlockList()
  range.addSubnet(address, bits, 'ipv6')
  return range.check('::ffff:203.0.113.1', 'ipv6')
}

/**
 * An address or a CIDR range. One that covers everybody, alone or with another, would let any client choose its address
 * (B20): the widest are those of private networks, 10.0.0.0/8 and fc00::/7.
 */
export function isProxyRange (text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/')
  const version = isIP(address)
  if (version === 0 || rest.length > 0) return false
  if (bits === undefined) return true
  const [widest, narrowest] = version === 4 ? [8, 32] : [7, 128]
  if (!/^\d{1,3}$/.test(bits) || Number(bits) < widest || Number(bits) > narrowest) return false
  return version === 4 || !coversAllOfIpv4(address, Number(bits))
}

/** Takes an address with a port too, as some proxies write it. */
export function isTrustedBy (ranges: readonly string[]): (text: string) => boolean {
  const trusted = new BlockList()
  for (const range of ranges) {
    const [address = '', bits] = range.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (bits === undefined) trusted.addAddress(address, family)
    else trusted.addSubnet(address, Number(bits), family)
  }
  return (text) => {
    const address = addressOf(text)?.split('%', 1)[0] ?? ''
    if (isIP(address) === 4) return trusted.check(address, 'ipv4') || trusted.check(`::ffff:${address}`, 'ipv6')
    return isIP(address) === 6 && trusted.check(address, 'ipv6')
  }
}
