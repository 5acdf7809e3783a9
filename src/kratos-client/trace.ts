import { channel } from 'node:diagnostics_channel'

/** undici's tracers listen here, and write the headers of their own spans. */
const requestCreated = channel('undici:request:create')

const TRACE_PARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/
const VISIBLE = /^[\x20-\x7e]{1,512}$/
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/

/** The request's id and, where no tracer of this process does it, the caller's trace (W3C Trace Context). */
export function traceHeaders (
  id: string,
  { traceparent, tracestate }: Record<string, string | string[] | undefined>,
): Record<string, string> {
  const isTraced = typeof traceparent === 'string' && TRACE_PARENT.test(traceparent) && !requestCreated.hasSubscribers
  return {
    ...(REQUEST_ID.test(id) && { 'x-request-id': id }),
    ...(isTraced && { traceparent }),
    ...(isTraced && typeof tracestate === 'string' && VISIBLE.test(tracestate) && { tracestate }),
  }
}
