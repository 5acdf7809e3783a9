import { createHash } from 'node:crypto'

const DIGITS = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

const digest = (algorithm: string, ...parts: Buffer[]): Buffer =>
  createHash(algorithm).update(Buffer.concat(parts)).digest()

/** Bytes in the order of `positions`, three at a time, each group as base64 with crypt's own digits, lowest first. */
function encoded (bytes: Buffer, positions: number[][]): string {
  return positions.map((group) => {
    let value = group.reduce((sum, at) => sum * 256 + (bytes[at] ?? 0), 0)
    return Array.from({ length: group.length + 1 }, () => {
      const digit = DIGITS[value % 64] ?? ''
      value = Math.floor(value / 64)
      return digit
    }).join('')
  }).join('')
}

const repeated = (bytes: Buffer, length: number): Buffer =>
  Buffer.concat(Array.from({ length: Math.ceil(length / bytes.length) }, () => bytes)).subarray(0, length)

const MD5_ORDER = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5], [11]]

/** MD5-crypt of FreeBSD (`$1$`). @param salt up to eight characters */
export function md5Crypt (password: string, salt: string): string {
  const key = Buffer.from(password)
  const seasoning = Buffer.from(salt.slice(0, 8))
  const inner = digest('md5', key, seasoning, key)
  const tail: Buffer[] = []
  for (let bits = key.length; bits > 0; bits >>= 1) {
    tail.push((bits & 1) === 1 ? Buffer.alloc(1) : key.subarray(0, 1))
  }
  let sum = digest('md5', key, Buffer.from('$1$'), seasoning, repeated(inner, key.length), ...tail)
  for (let round = 0; round < 1000; round++) {
    sum = digest(
      'md5',
      round % 2 === 1 ? key : sum,
      ...(round % 3 === 0 ? [] : [seasoning]),
      ...(round % 7 === 0 ? [] : [key]),
      round % 2 === 1 ? sum : key,
    )
  }
  return encoded(sum, MD5_ORDER)
}

/** The order in which SHA-crypt writes the bytes: groups of three that rotate; the rest at the end. */
function shaOrder (size: number): number[][] {
  const third = Math.floor(size / 3)
  const step = size === 32 ? 2 : 1
  const groups: number[][] = []
  for (let at = 0, turn = 0; at < third; at++, turn = (turn + step) % 3) {
    const columns = [at, at + third, at + 2 * third]
    groups.push([0, 1, 2].map((column) => columns[(column + turn) % 3] ?? 0))
  }
  return [...groups, size === 32 ? [31, 30] : [63]]
}

/** SHA-crypt of Drepper (`$5$` and `$6$`). @param salt up to sixteen characters */
export function shaCrypt (algorithm: 'sha256' | 'sha512', password: string, salt: string, rounds: number): string {
  const key = Buffer.from(password)
  const seasoning = Buffer.from(salt.slice(0, 16))
  const inner = digest(algorithm, key, seasoning, key)
  const bits: Buffer[] = []
  for (let rest = key.length; rest > 0; rest >>= 1) bits.push((rest & 1) === 1 ? inner : key)
  let sum = digest(algorithm, key, seasoning, repeated(inner, key.length), ...bits)
  const p = repeated(digest(algorithm, ...Array.from({ length: key.length }, () => key)), key.length)
  const s = repeated(
    digest(algorithm, ...Array.from({ length: 16 + (sum[0] ?? 0) }, () => seasoning)),
    seasoning.length,
  )
  for (let round = 0; round < rounds; round++) {
    sum = digest(
      algorithm,
      round % 2 === 1 ? p : sum,
      ...(round % 3 === 0 ? [] : [s]),
      ...(round % 7 === 0 ? [] : [p]),
      round % 2 === 1 ? sum : p,
    )
  }
  return encoded(sum, shaOrder(sum.length))
}
