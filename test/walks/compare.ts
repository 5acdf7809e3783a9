import { isObject, type Answer, type Json } from './steps.js'

export interface Difference {
  at: string
  real: string
  embedded: string
}

const short = (value: Json | undefined): string => {
  const text = value === undefined ? 'absent' : JSON.stringify(value)
  return text.length > 300 ? `${text.slice(0, 300)}…` : text
}

/** Where two values differ; the order of members does not matter. */
export function differencesOf (real: Json | undefined, embedded: Json | undefined, at = ''): Difference[] {
  if (isObject(real) && isObject(embedded)) {
    const names = [...new Set([...Object.keys(real), ...Object.keys(embedded)])].sort()
    return names.flatMap((name) => differencesOf(real[name], embedded[name], at === '' ? name : `${at}.${name}`))
  }
  if (Array.isArray(real) && Array.isArray(embedded) && real.length === embedded.length) {
    return real.flatMap((item, index) => differencesOf(item, embedded[index], `${at}[${index}]`))
  }
  return JSON.stringify(real) === JSON.stringify(embedded) ? [] : [{ at, real: short(real), embedded: short(embedded) }]
}

/** @returns the differences of the first step whose answers differ */
export function firstDifference (
  real: readonly Answer[],
  embedded: readonly Answer[],
): { step: number, differences: Difference[] } | undefined {
  for (const [step, answer] of real.entries()) {
    const differences = differencesOf(answer as unknown as Json, embedded[step] as unknown as Json)
    if (differences.length > 0) return { step, differences }
  }
  return undefined
}
