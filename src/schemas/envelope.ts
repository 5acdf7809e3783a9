import { Type, type TSchema } from '@sinclair/typebox'
import { ERROR_CODES, type ErrorCode, errorStatus } from '../errors.js'

/** Every answer that is not a success. Members of Kratos' answer (`id`, `ui`, `use_flow_id`, …) may stand beside. */
export const ErrorSchema = Type.Object({
  success: Type.Literal(false),
  error: Type.String({ description: 'text for people' }),
  // Not a union of literals: its serialiser would try one after the other, and each route compiles a dozen of them at
  // start.
  code: Type.Unsafe<ErrorCode>({ type: 'string', enum: ERROR_CODES }),
  fields: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() }))),
  next: Type.Optional(Type.String({ description: 'where the session is refused: what to do next, as in flows' })),
  start: Type.Optional(Type.String({ description: 'path that starts the flow which `next` asks for' })),
}, { additionalProperties: true, title: 'Error' })

/** The answer of a route that did what was asked. */
export const ok = <const T>(data: T): { success: true, data: T } => ({ success: true, data })

export const success = <T extends TSchema>(data: T) => Type.Object({ success: Type.Literal(true), data })

/** Statuses that any route may answer with: bad input, transport limits, our own faults. */
const COMMON = [400, 404, 405, 408, 413, 415, 429, 431, 500, 503]
const KNOWN_STATUSES = new Set(ERROR_CODES.map(errorStatus))

/**
 * The `response` part of a route schema: the success and every failure the route can answer with.
 * @param statuses those beyond the ones that any route has
 */
export function responses<T extends TSchema> (ok: T, ...statuses: number[]): Record<number, TSchema> & { 200: T } {
  const failures = [...COMMON, ...statuses].filter((status) => KNOWN_STATUSES.has(status))
  return { ...Object.fromEntries(failures.map((status) => [status, ErrorSchema])), 200: ok }
}

/** What a route that asks Kratos can answer with besides. */
export const UPSTREAM_STATUSES = [401, 403, 502, 504]
