const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i

const isHostname = (host: string): boolean => {
  const name = host.replace(/\.$/, '')
  return name.length <= 253 && name.split('.').every((label) => LABEL.test(label))
}

/** An e-mail address as Kratos' validator accepts it: without quoting, with a host name after the last @. */
export function isEmail (value: string): boolean {
  const at = value.lastIndexOf('@')
  if (at < 1 || value.length > 254 || at > 64) return false
  return (
    /^[a-z0-9!#$%&'*+/=?^_`{|}~\u0080-\u{10ffff}-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~\u0080-\u{10ffff}-]+)*$/iu.test(
      value.slice(0, at),
    ) && isHostname(value.slice(at + 1))
  )
}

/** A phone number in international format. */
export const isPhone = (value: string): boolean => /^\+[1-9]\d{6,14}$/.test(value.replace(/[\s().-]/g, ''))
