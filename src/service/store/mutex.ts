export type Release = () => void

/** Lets one in at a time, in the order of asking; a turn ends by the function that it resolves with. */
export function createMutex (): () => Promise<Release> {
  let last = Promise.resolve()
  return async () => {
    const previous = last
    let leave: Release = () => {}
    last = new Promise((resolve) => {
      leave = resolve
    })
    await previous
    return leave
  }
}
