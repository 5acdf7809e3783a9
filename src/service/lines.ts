type Line = Array<() => void>

/** Whoever has so many waiting has a long line; a browser opens six connections to a host. */
const LONG_LINE = 8

export interface Lines {
  add: (client: string, work: () => void) => void
  size: () => number
  take: () => (() => void) | undefined
}

/**
 * One line for each client, which take turns: who sends thousands of requests waits for them, and others do not. Every
 * other turn is for one of the short lines, so that who asks little waits for hardly anybody, however many ask much.
 */
export function createLines (): Lines {
  const short = new Map<string, Line>()
  const long = new Map<string, Line>()
  let size = 0
  let isForShort = true

  function put (client: string, line: Line): void {
    if (line.length > 0) (line.length < LONG_LINE ? short : long).set(client, line)
  }

  function takeOf (lines: Map<string, Line>): (() => void) | undefined {
    const [first] = lines
    if (first === undefined) return undefined
    const [client, line] = first
    lines.delete(client)
    const work = line.shift()
    put(client, line)
    return work
  }

  return {
    add (client: string, work: () => void): void {
      size++
      const line = short.get(client) ?? long.get(client)
      if (line === undefined) return put(client, [work])
      line.push(work)
      if (line.length === LONG_LINE && short.delete(client)) put(client, line)
    },
    size: () => size,
    take (): (() => void) | undefined {
      if (size === 0) return undefined
      size--
      isForShort = !isForShort
      const [first, second] = isForShort ? [short, long] : [long, short]
      return takeOf(first) ?? takeOf(second)
    },
  }
}
