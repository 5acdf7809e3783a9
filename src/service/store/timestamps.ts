import { InvalidValueError } from './errors.js'

const RFC_3339 = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,12}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/
const FRACTION_DIGITS = 6

/**
 * RFC 3339 in UTC with six fraction digits, so that text order is time order: Kratos drops trailing zeros (F10).
 * Further digits are cut. @throws InvalidValueError for any other text, days that do not exist and leap seconds
 */
export function normaliseTimestamp (text: string): string {
  const [, date, time, fraction = '', sign, hours = '0', minutes = '0'] = RFC_3339.exec(text) ?? []
  const local = Date.parse(`${date}T${time}Z`)
  if (!Number.isFinite(local) || new Date(local).toISOString().slice(0, 19) !== `${date}T${time}`) throw notATime()
  const offsetMinutes = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1)
  const utc = new Date(local - offsetMinutes * 60_000).toISOString()
  if (Number(hours) > 23 || Number(minutes) > 59 || utc.length !== 24) throw notATime()
  return `${utc.slice(0, 19)}.${fraction.slice(0, FRACTION_DIGITS).padEnd(FRACTION_DIGITS, '0')}Z`
}

/** In the form above. Readings within one millisecond still ascend, so that newest first is exact. */
export function createClock (): () => string {
  let lastMs = 0
  let step = 0
  return () => {
    const nowMs = Date.now()
    step = nowMs === lastMs ? Math.min(step + 1, 999) : 0
    lastMs = nowMs
    return new Date(nowMs).toISOString().replace('Z', `${String(step).padStart(3, '0')}Z`)
  }
}

function notATime (): InvalidValueError {
  return new InvalidValueError('A time that is not RFC 3339 cannot be stored')
}
