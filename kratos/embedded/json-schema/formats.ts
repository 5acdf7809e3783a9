import { isIPv4, isIPv6 } from 'node:net'
import type { Json } from '../json.js'
import { isGoUrl } from '../go/url.js'
import { isPattern } from './patterns.js'
import { phoneNumber } from './phone.js'

const LABEL = /^[a-z0-9-]{0,62}[a-z0-9]$/i

/** Only the first label may not begin with a hyphen (tried on v26.2.0). */
const isHostname = (host: string): boolean => {
  const name = host.replace(/\.$/, '')
  return name.length <= 253 && !name.startsWith('-') && name.split('.').every((label) => LABEL.test(label))
}

const ATOM = String.raw`[^\x00-\x20\x7f()<>\[\]:;@\\,".]+`
const QUOTED = String.raw`"(?:[^\x00-\x08\x0a-\x1f\x7f"\\]|\\[^\x00-\x08\x0a-\x1f\x7f])+"`
const LOCAL_PART = new RegExp(`^[ \\t]*(?:${QUOTED}|${ATOM}(?:\\.${ATOM})*)$`, 'u')

/** An address as Go's net/mail reads it: a quoted local part and blanks before it are allowed. */
export function isEmail (value: Json): boolean {
  if (typeof value !== 'string' || Buffer.byteLength(value) > 254) return false
  const at = value.lastIndexOf('@')
  const [local, host] = [value.slice(0, at), value.slice(at + 1)]
  return at > 0 && Buffer.byteLength(local) <= 64 && LOCAL_PART.test(local) && isHostname(host) && !host.endsWith('.')
}

/** A number in international format that libphonenumber finds valid. */
export const isPhone = (value: Json): boolean => typeof value === 'string' && phoneNumber(value) !== undefined

const DATE = String.raw`(\d{4})-(\d\d)-(\d\d)`
const TIME = String.raw`(\d\d?):(\d\d):(\d\d)(?:[.,]\d+)?(?:Z|[+-](\d\d):(\d\d))`

function isDay (year: string, month: string, day: string): boolean {
  const date = new Date(Date.UTC(2000, Number(month) - 1, Number(day)))
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  return date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day) && Number(day) > 0
}

const isClock = ([hour, minute, second, zoneHour = '0', zoneMinute = '0']: Array<string | undefined>): boolean =>
  Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60 && Number(zoneHour) <= 24 && Number(zoneMinute) <= 60

/** RFC 3339 as Go reads it: no leap seconds, a capital T. */
function isDateTime (value: string): boolean {
  const [, year, month, day, ...time] = new RegExp(`^${DATE}T${TIME}$`).exec(value) ?? []
  return year !== undefined && month !== undefined && day !== undefined && isDay(year, month, day) && isClock(time)
}

function isDate (value: string): boolean {
  const [, year, month, day] = new RegExp(`^${DATE}$`).exec(value) ?? []
  return year !== undefined && month !== undefined && day !== undefined && isDay(year, month, day)
}

function isTime (value: string): boolean {
  const parts = new RegExp(`^${TIME}$`).exec(value)
  return parts !== null && isClock(parts.slice(1))
}

/** Four numbers up to 255; zeros and signs before them are allowed. */
const isDottedQuad = (value: string): boolean =>
  value.split('.').length === 4 &&
  value.split('.').every((part) => /^[+-]?\d+$/.test(part) && Number(part) >= 0 && Number(part) <= 255)

/** Go knows no zones here. An IPv4 address in IPv6 notation is valid. */
const isColonAddress = (value: string): boolean =>
  value.includes(':') && !value.includes('%') && (isIPv6(value) || isIPv4(value))

const isJsonPointer = (value: string): boolean => /^(?:\/(?:[^/~]|~(?=[~01]))*)*$/u.test(value)
const isRelativePointer = (value: string): boolean => {
  const [, rest] = /^(?:0|[1-9]\d*)(.*)$/su.exec(value) ?? []
  return rest !== undefined && (rest === '#' || isJsonPointer(rest))
}

const ofText = (isValid: (value: string) => boolean) => (value: Json): boolean =>
  typeof value === 'string' && isValid(value)
const reference = ofText((value) => isGoUrl(value))
const absolute = ofText((value) => isGoUrl(value, { isAbsolute: true }))

/** The formats that Kratos knows. Any value that is no text violates them, and others mean nothing. */
export const FORMATS: Record<string, (value: Json) => boolean> = {
  'date-time': ofText(isDateTime),
  date: ofText(isDate),
  time: ofText(isTime),
  hostname: ofText(isHostname),
  email: isEmail,
  tel: isPhone,
  'ip-address': ofText(isDottedQuad),
  ipv4: ofText(isDottedQuad),
  ipv6: ofText(isColonAddress),
  uri: absolute,
  iri: absolute,
  'uri-reference': reference,
  uriref: reference,
  'iri-reference': reference,
  'uri-template': reference,
  regex: ofText(isPattern),
  'json-pointer': ofText(isJsonPointer),
  'relative-json-pointer': ofText(isRelativePointer),
  'no-validate': () => true,
}
