/**
 * Texts that stand in the quickstarts, examples and files of this repository and of Ory: who looks for a way in tries
 * them first.
 */
const PRINTED = /development-(?:webhook|cookie|cipher)|change-?me|not-secure|insecure|example|32-long-secret|your-secret/i

export const isPrinted = (value: unknown): boolean => typeof value === 'string' && PRINTED.test(value)
