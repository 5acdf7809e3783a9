let count = 0

/**
 * A name that makes the people of a walk others than those of any walk before. Of one length, so that nothing depends
 * on it; it ends with digits for telephone numbers.
 */
export const nextRun = (): string =>
  `${(Date.now() % 36 ** 6).toString(36).padStart(6, '0')}x${String(++count % 10_000).padStart(4, '0')}`
