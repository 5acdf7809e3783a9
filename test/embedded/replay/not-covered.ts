/** Recordings, by file name without `.json`, that the embedded server is not up to yet, with the reason. */
export const notCovered: Record<string, string> = {
  '14-unknown-and-mixed-up-flow-ids': 'a GET to a submit path is answered with another message',
  '85-unknown-paths-and-methods': 'the WebAuthn script is not served'
}
