/** Bytes that the process keeps for clients: answers that they have not read, bodies that they have not finished. */
export interface ByteBudget {
  add: (bytes: number) => void
  remove: (bytes: number) => void
  isFull: (more?: number) => boolean
}

/** docs/security-model.md, section 6. */
export const MAX_BYTES = 32 * 1024 * 1024

export function createByteBudget (max = MAX_BYTES): ByteBudget {
  let held = 0
  return {
    add: (bytes) => {
      held += bytes
    },
    remove: (bytes) => {
      held -= bytes
    },
    isFull: (more = 0) => held + more > max,
  }
}
