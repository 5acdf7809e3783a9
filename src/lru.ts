/**
 * Options of an LRUCache of so many entries, counted as a size of one each: told by `max`, the library sets all the
 * room aside at start, which few services ever need.
 */
export const atMostEntries = (count: number): { maxSize: number, sizeCalculation: () => number } =>
  ({ maxSize: count, sizeCalculation: () => 1 })
