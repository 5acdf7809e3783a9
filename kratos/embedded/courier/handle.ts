export interface Courier {
  /** Delivers what is queued, soon. */
  wake(): void
}

/** Keeps every message queued. */
export const idleCourier: Courier = { wake: () => {} }
