/** Ends a turn. */
export type Leave = () => void

/** Lets one in at a time, in the order of asking: resolves when it is the caller's turn. */
export function createTurns (): () => Promise<Leave> {
  let last = Promise.resolve()
  return async () => {
    const previous = last
    let leave: Leave = () => {}
    last = new Promise((resolve) => { leave = resolve })
    await previous
    return leave
  }
}
