export interface Result {
  name: string
  figures: Record<string, unknown>
  failures: string[]
}

/** @param checks what has to hold, each with what it means when it does not */
export const verdict = (
  name: string,
  figures: Record<string, unknown>,
  checks: Array<[holds: boolean, failure: string]>,
): Result => ({ name, figures, failures: checks.filter(([holds]) => !holds).map(([, failure]) => failure) })

export function numberFrom (variable: string, byDefault: number): number {
  const number = Number(process.env[variable] ?? byDefault)
  if (!(number > 0)) throw new RangeError(`${variable} wants a positive number`)
  return number
}

/** Slope of the line that fits best, in units of y per unit of x. */
export function slope (points: Array<[x: number, y: number]>): number {
  const mean = (position: 0 | 1): number => points.reduce((sum, point) => sum + point[position], 0) / points.length
  const [meanX, meanY] = [mean(0), mean(1)]
  const spread = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
  return points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / spread
}
