export interface Lines {
  add: (client: string, work: () => void) => void
  size: () => number
  take: () => (() => void) | undefined
}

/** One line for each client, which take turns: who sends thousands of requests waits for them, and others do not. */
export function createLines (): Lines {
  const lines = new Map<string, Array<() => void>>()
  let size = 0
  return {
    add (client: string, work: () => void): void {
      const line = lines.get(client)
      if (line === undefined) lines.set(client, [work])
      else line.push(work)
      size++
    },
    size: () => size,
    take (): (() => void) | undefined {
      const [first] = lines
      if (first === undefined) return undefined
      const [client, line] = first
      lines.delete(client)
      if (line.length > 1) lines.set(client, line)
      size--
      return line.shift()
    },
  }
}
