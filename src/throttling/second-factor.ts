const isGiven = (value: unknown): boolean =>
  [value].flat().some((one) => (typeof one === 'string' && one !== '') || typeof one === 'number')

const holds = (body: unknown, names: readonly string[]): boolean =>
  typeof body === 'object' && body !== null &&
  Object.entries(body).some(([name, value]) => names.includes(name) && isGiven(value))

/** Whether a login step tries a second factor that can be guessed. */
export const triesSecondFactor = (body: unknown): boolean => holds(body, ['totp_code', 'lookup_secret'])

/** Whether a step tries a code that was mailed or texted. */
export const triesCode = (body: unknown): boolean => holds(body, ['code'])

/** What became of a try: only a wrong one is counted, and a right one makes up for those before it. */
export type TryResult = 'wrong' | 'right' | 'neither'
