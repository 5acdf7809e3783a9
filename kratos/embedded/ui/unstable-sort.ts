/**
 * Sorts as Go's sort.Slice: a pattern-defeating quicksort, which leaves items that compare as equal in an order of its
 * own. Forms with more than twelve nodes show it.
 */

type IsLess<T> = (left: T, right: T) => boolean

const LONGEST_INSERTION = 12
const SHORTEST_MEDIAN = 8
/** From here on each of the three candidates is a median of its neighbours, and items may be shifted. */
const LONG = 50
const MAX_SWAPS = 12
const MAX_SHIFTS = 5

interface Sorting {
  less: (left: number, right: number) => boolean
  swap: (left: number, right: number) => void
}

export function unstableSort<T> (items: T[], isLess: IsLess<T>): void {
  const less = (left: number, right: number): boolean => isLess(items[left] as T, items[right] as T)
  const swap = (left: number, right: number): void => {
    const item = items[left] as T
    items[left] = items[right] as T
    items[right] = item
  }
  sortRange({ less, swap }, 0, items.length, bitLength(items.length))
}

const bitLength = (number: number): number => 32 - Math.clz32(number)

/** @param badChoices how many unbalanced partitions may still be made */
function sortRange (sorting: Sorting, from: number, to: number, badChoices: number): void {
  const { less } = sorting
  let [start, end, left] = [from, to, badChoices]
  let isBalanced = true
  let wasInOrder = true
  while (end - start > LONGEST_INSERTION) {
    if (left === 0) return heapSort(sorting, start, end)
    if (!isBalanced) {
      scatter(sorting, start, end)
      left--
    }
    const { pivot, looksSorted } = choosePivot(sorting, start, end)
    if (isBalanced && wasInOrder && looksSorted && shiftFew(sorting, start, end)) return
    if (start > 0 && !less(start - 1, pivot)) {
      start = skipEqual(sorting, start, end, pivot)
      continue
    }
    const { middle, isInOrder } = partition(sorting, start, end, pivot)
    wasInOrder = isInOrder
    const enough = Math.floor((end - start) / 8)
    isBalanced = Math.min(middle - start, end - middle) >= enough
    if (middle - start < end - middle) {
      sortRange(sorting, start, middle, left)
      start = middle + 1
    } else {
      sortRange(sorting, middle + 1, end, left)
      end = middle
    }
  }
  for (let next = start + 1; next < end; next++) sinkLeft(sorting, next, start)
}

function sinkLeft ({ less, swap }: Sorting, at: number, first: number): void {
  for (let here = at; here > first && less(here, here - 1); here--) swap(here, here - 1)
}

/** Moves items that are less than the pivot before it. */
function partition ({ less, swap }: Sorting, from: number, to: number, pivot: number) {
  swap(from, pivot)
  let [low, high] = [from + 1, to - 1]
  let isInOrder = true
  for (;;) {
    while (low <= high && less(low, from)) low++
    while (low <= high && !less(high, from)) high--
    if (low > high) break
    isInOrder = false
    swap(low++, high--)
  }
  swap(high, from)
  return { middle: high, isInOrder }
}

/** Moves items that equal the pivot to the start. @returns where the others begin */
function skipEqual ({ less, swap }: Sorting, from: number, to: number, pivot: number): number {
  swap(from, pivot)
  let [low, high] = [from + 1, to - 1]
  for (;;) {
    while (low <= high && !less(from, low)) low++
    while (low <= high && less(from, high)) high--
    if (low > high) return low
    swap(low++, high--)
  }
}

/** The median of three. A range that is sorted backwards is reversed first. */
function choosePivot (sorting: Sorting, from: number, to: number): { pivot: number, looksSorted: boolean } {
  const length = to - from
  const quarter = Math.floor(length / 4)
  let swaps = 0
  const ordered = (left: number, right: number): [number, number] => {
    if (!sorting.less(right, left)) return [left, right]
    swaps++
    return [right, left]
  }
  const median = (first: number, second: number, third: number): number => {
    const [low, high] = ordered(first, second)
    const [middle] = ordered(high, third)
    return ordered(low, middle)[1]
  }
  let candidates = [from + quarter, from + 2 * quarter, from + 3 * quarter] as [number, number, number]
  if (length >= LONG) {
    candidates = candidates.map((at) => median(at - 1, at, at + 1)) as [number, number, number]
  }
  const pivot = length >= SHORTEST_MEDIAN ? median(...candidates) : candidates[1]
  if (swaps < MAX_SWAPS) return { pivot, looksSorted: swaps === 0 }
  for (let [low, high] = [from, to - 1]; low < high; low++, high--) sorting.swap(low, high)
  return { pivot: to - 1 - (pivot - from), looksSorted: true }
}

/** Sorts a range that is sorted but for a few neighbours. @returns false when it is not */
function shiftFew (sorting: Sorting, from: number, to: number): boolean {
  const { less, swap } = sorting
  let at = from + 1
  for (let shift = 0; shift < MAX_SHIFTS; shift++) {
    while (at < to && !less(at, at - 1)) at++
    if (at === to) return true
    if (to - from < LONG) return false
    swap(at, at - 1)
    if (at - from >= 2) sinkLeft(sorting, at - 1, 0)
    if (to - at >= 2) for (let here = at + 1; here < to && less(here, here - 1); here++) swap(here, here - 1)
  }
  return false
}

/** Breaks patterns that make partitions unbalanced, by numbers that depend on the length only. */
function scatter ({ swap }: Sorting, from: number, to: number): void {
  const length = to - from
  const mask = 2 ** bitLength(length) - 1
  let random = BigInt(length)
  const first = from + Math.floor(length / 4) * 2 - 1
  for (let at = first; at <= first + 2; at++) {
    random = BigInt.asUintN(64, random ^ (random << 13n))
    random ^= random >> 7n
    random = BigInt.asUintN(64, random ^ (random << 17n))
    const other = Number(random & BigInt(mask))
    swap(at, from + (other >= length ? other - length : other))
  }
}

function heapSort ({ less, swap }: Sorting, from: number, to: number): void {
  const sink = (start: number, end: number): void => {
    for (let root = start, child = 2 * root + 1; child < end; root = child, child = 2 * root + 1) {
      if (child + 1 < end && less(from + child, from + child + 1)) child++
      if (!less(from + root, from + child)) return
      swap(from + root, from + child)
    }
  }
  const length = to - from
  for (let start = Math.floor((length - 1) / 2); start >= 0; start--) sink(start, length)
  for (let end = length - 1; end >= 0; end--) {
    swap(from, from + end)
    sink(0, end)
  }
}
