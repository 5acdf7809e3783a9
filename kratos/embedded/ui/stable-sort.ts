/** Sorts as Go's sort.SliceStable, because its result for a comparison that is no order depends on the algorithm. */

type IsLess<T> = (left: T, right: T) => boolean

const BLOCK = 20

function insertionSort<T> (items: T[], from: number, to: number, isLess: IsLess<T>): void {
  for (let end = from + 1; end < to; end++) {
    for (let at = end; at > from && isLess(items[at] as T, items[at - 1] as T); at--) {
      items.splice(at - 1, 2, items[at] as T, items[at - 1] as T)
    }
  }
}

/** First index for which `isAfter` holds, in a range where it holds from there on. */
function search (from: number, to: number, isAfter: (at: number) => boolean): number {
  let [low, high] = [from, to]
  while (low < high) {
    const middle = (low + high) >> 1
    if (isAfter(middle)) high = middle
    else low = middle + 1
  }
  return low
}

/** Moves the item from one index to another; those between make room. */
function move<T> (items: T[], from: number, to: number): void {
  items.splice(to, 0, ...items.splice(from, 1))
}

/** Merges two sorted neighbours in place (Kim and Kutzner's SymMerge). */
function merge<T> (items: T[], from: number, middle: number, to: number, isLess: IsLess<T>): void {
  const less = (left: number, right: number): boolean => isLess(items[left] as T, items[right] as T)
  if (middle - from === 1) {
    move(items, from, search(middle, to, (at) => !less(at, from)) - 1)
    return
  }
  if (to - middle === 1) {
    move(items, middle, search(from, middle, (at) => less(middle, at)))
    return
  }
  const half = (from + to) >> 1
  const sum = half + middle
  const [low, high] = middle > half ? [sum - to, half] : [from, middle]
  const start = search(low, high, (at) => less(sum - 1 - at, at))
  const end = sum - start
  if (start < middle && middle < end) {
    items.splice(start, end - start, ...items.slice(middle, end), ...items.slice(start, middle))
  }
  if (from < start && start < half) merge(items, from, start, half, isLess)
  if (half < end && end < to) merge(items, half, end, to, isLess)
}

export function stableSort<T> (items: T[], isLess: IsLess<T>): void {
  for (let at = 0; at < items.length; at += BLOCK) {
    insertionSort(items, at, Math.min(at + BLOCK, items.length), isLess)
  }
  for (let size = BLOCK; size < items.length; size *= 2) {
    for (let at = 0; at + size < items.length; at += 2 * size) {
      merge(items, at, at + size, Math.min(at + 2 * size, items.length), isLess)
    }
  }
}
