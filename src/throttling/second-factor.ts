const isGiven = (value: unknown): boolean =>
  [value].flat().some((one) => (typeof one === 'string' && one !== '') || typeof one === 'number')

/** Go reads a member by its name in whatever letters, `ſ` and the Kelvin sign among them. */
const foldName = (name: string): string => name.toUpperCase().toLowerCase()

const holds = (body: unknown, names: readonly string[]): boolean =>
  typeof body === 'object' && body !== null &&
  Object.entries(body).some(([name, value]) => names.includes(foldName(name)) && isGiven(value))

export const triesSecondFactor = (body: unknown): boolean => holds(body, ['totp_code', 'lookup_secret'])

export const triesCode = (body: unknown): boolean => holds(body, ['code'])

/** Only a wrong one is counted, and a right one makes up for those before it. */
export type TryResult = 'wrong' | 'right' | 'neither'
