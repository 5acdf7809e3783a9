/** Whoever has so many waiting has a long line; a browser opens six connections to a host. */
const LONG_LINE = 8

export interface Lines<Item> {
  add: (client: string, item: Item) => void
  size: () => number
  take: () => Item | undefined
}

/**
 * One line for each client, which take turns: who sends thousands of requests waits for them, and others do not. Every
 * other turn is for one of the short lines, so that who asks little waits for hardly anybody, however many ask much.
 */
export function createLines<Item> (): Lines<Item> {
  const short = new Map<string, Item[]>()
  const long = new Map<string, Item[]>()
  let size = 0
  let isForShort = true

  function put (client: string, line: Item[]): void {
    if (line.length > 0) (line.length < LONG_LINE ? short : long).set(client, line)
  }

  function takeOf (lines: Map<string, Item[]>): Item | undefined {
    const [first] = lines
    if (first === undefined) return undefined
    const [client, line] = first
    lines.delete(client)
    const item = line.shift()
    put(client, line)
    return item
  }

  return {
    add (client: string, item: Item): void {
      size++
      const line = short.get(client) ?? long.get(client)
      if (line === undefined) return put(client, [item])
      line.push(item)
      if (line.length === LONG_LINE && short.delete(client)) put(client, line)
    },
    size: () => size,
    take (): Item | undefined {
      if (size === 0) return undefined
      size--
      isForShort = !isForShort
      const [first, second] = isForShort ? [short, long] : [long, short]
      return takeOf(first) ?? takeOf(second)
    },
  }
}
