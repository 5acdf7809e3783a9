/** Canonical form (RFC 9562, section 4), in either case. */
export const UUID = '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}'

const UUID_ONLY = new RegExp(`^${UUID}$`)
export const isUuid = (text: string): boolean => UUID_ONLY.test(text)

export const LOOPBACK = String.raw`(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])`

const LOOPBACK_ONLY = new RegExp(`^${LOOPBACK}$`)
export const isLoopback = (url: URL): boolean => LOOPBACK_ONLY.test(url.hostname)
