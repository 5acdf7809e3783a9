/**
 * One look-up at a time, whose answer is good for a while: a crowd that asks costs what one costs.
 * @param lookUp never rejects
 * @param now a clock in milliseconds that only goes forward
 */
export function remembered<T> (
  lookUp: () => Promise<T>,
  forMs: number,
  now: () => number = () => performance.now(),
): () => Promise<T> {
  let last: { answer: Promise<T>, goodUntil: number } | undefined
  return () => {
    if (last !== undefined && now() < last.goodUntil) return last.answer
    const asked = { answer: lookUp(), goodUntil: Infinity }
    last = asked
    asked.answer.finally(() => {
      asked.goodUntil = now() + forMs
    }).catch(() => {})
    return asked.answer
  }
}
