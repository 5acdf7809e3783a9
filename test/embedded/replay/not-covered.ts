/** Recordings, by file name without `.json`, that the embedded server is not up to yet, with the reason. */
export const notCovered: Record<string, string> = {
  '85-unknown-paths-and-methods': 'the WebAuthn script is not served'
}
