const asked = process.env['FUZZ_RUNS']
if (asked !== undefined && !/^[1-9]\d{0,7}$/.test(asked)) throw new Error('FUZZ_RUNS wants a number of inputs')

/** Whether somebody wants more than the seconds that the suite has for it. */
export const isLongFuzz = asked !== undefined

/**
 * How many inputs a property gets: the usual number within the suite, `FUZZ_RUNS` where that is set.
 * @param share part of `FUZZ_RUNS`, for properties whose inputs take milliseconds each
 */
export const fuzzRuns = (usual: number, share = 1): number =>
  asked === undefined ? usual : Math.max(usual, Math.round(Number(asked) * share))
