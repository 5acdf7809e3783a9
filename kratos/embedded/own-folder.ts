/** Folder of this file. The packages say `__dirname`, which a bundle that is an ES module does not know: undefined. */
export function ownFolder (): string | undefined {
  try {
    return import.meta.dirname
  } catch {
    return undefined
  }
}
