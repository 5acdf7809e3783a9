import type { Parameters } from 'fast-check'

const natural = (name: string): number | undefined => {
  const text = process.env[name]
  if (text !== undefined && !/^[1-9]\d{0,7}$/.test(text)) throw new Error(`${name} wants a number from 1 on`)
  return text === undefined ? undefined : Number(text)
}
const [askedRuns, askedSeed] = [natural('FUZZ_RUNS'), natural('FUZZ_SEED')]

/** Whether somebody wants more than the seconds that the suite has for it. */
export const isLongFuzz = askedRuns !== undefined

/**
 * How a property is tried: in the suite with the usual number of inputs and the same ones each time, so that a red
 * suite is about the change before it; with `FUZZ_RUNS` with as many as that says, new ones each time. `FUZZ_SEED`
 * chooses the inputs.
 * @param share part of `FUZZ_RUNS`, for properties whose inputs take milliseconds each
 */
export const fuzz = (usual: number, share = 1): Pick<Parameters, 'numRuns' | 'seed'> => {
  const seed = askedSeed ?? (isLongFuzz ? undefined : 1)
  const numRuns = askedRuns === undefined ? usual : Math.max(usual, Math.round(askedRuns * share))
  return { numRuns, ...(seed !== undefined && { seed }) }
}
