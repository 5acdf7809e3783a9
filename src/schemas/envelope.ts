import { Type, type TSchema } from '@sinclair/typebox'
import { ERROR_CODES, type ErrorCode, errorStatus } from '../errors.js'

/** Every answer that is not a success; members of Kratos' answer (`id`, `ui`, `use_flow_id`, …) may stand beside. */
export const ErrorSchema = Type.Object({
  success: Type.Literal(false),
  error: Type.String({ description: 'text for people' }),
  // Not a union of literals: its serialiser tries one after the other, and a dozen are compiled for each route.
  code: Type.Unsafe<ErrorCode>({ type: 'string', enum: ERROR_CODES }),
  fields: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() }))),
  // Where a session is refused; without words, which would stand in a host's document two dozen times.
  next: Type.Optional(Type.String()),
  start: Type.Optional(Type.String()),
}, { additionalProperties: true, title: 'Error' })

export const ok = <const T>(data: T): { success: true, data: T } => ({ success: true, data })

export const success = <T extends TSchema>(data: T) => Type.Object({ success: Type.Literal(true), data })

const COMMON = [400, 404, 405, 408, 413, 415, 429, 431, 500, 503]
const KNOWN_STATUSES = new Set(ERROR_CODES.map(errorStatus))

/** @param statuses those beyond the ones that any route may answer with */
export function responses<T extends TSchema> (ok: T, ...statuses: number[]): Record<number, TSchema> & { 200: T } {
  const failures = [...COMMON, ...statuses].filter((status) => KNOWN_STATUSES.has(status))
  return { ...Object.fromEntries(failures.map((status) => [status, ErrorSchema])), 200: ok }
}

/** What a route that asks Kratos can answer with besides. */
export const UPSTREAM_STATUSES = [401, 403, 502, 504]
