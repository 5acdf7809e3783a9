import { parsePhoneNumberFromString } from 'libphonenumber-js/max'

/** The number in a text in E.164, if libphonenumber finds it valid. Without a region it needs its country code. */
export function phoneNumber (text: string): string | undefined {
  const number = parsePhoneNumberFromString(text, { extract: true })
  return number?.isValid() === true ? number.number : undefined
}
