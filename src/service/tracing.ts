import type * as api from '@opentelemetry/api'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { CallObserver } from '../kratos-client/observed-client.js'
import type { PoolTimes } from '../kratos-client/pools.js'
import type { QueryListener } from './store/driver.js'

/** Spans of what the service does; whoever registers a provider decides where they go. */
export interface Tracing {
  onCall: CallObserver
  onTimes: PoolTimes
  onQuery: QueryListener
}

/** The name is no literal, because the API need not be there: an operator who traces brings it with the exporter. */
const API: string = '@opentelemetry/api'

const verbOf = (sql: string): string => sql.slice(0, sql.indexOf(' ')).toUpperCase()

/**
 * One span for each request, named by its route template, and beneath it one for each wait, call to Kratos and
 * statement. No URL, no query, no value is in any of them. @throws Error without the API
 */
export async function addTracing (app: FastifyInstance): Promise<Tracing> {
  const { context, propagation, SpanKind, SpanStatusCode, trace } = await import(API).catch(() => {
    throw new Error('TRACING wants the package @opentelemetry/api, and an SDK that is started before the service')
  }) as typeof api
  const tracer = trace.getTracer('fastify-kratos')
  const spans = new WeakMap<FastifyRequest, api.Span>()

  app.addHook('onRequest', function beginSpan (request, _reply, done) {
    const { method, routeOptions: { url: route } } = request
    const parent = propagation.extract(context.active(), request.headers)
    const attributes = { 'http.request.method': method, ...(route !== undefined && { 'http.route': route }) }
    const span = tracer.startSpan(route === undefined ? method : `${method} ${route}`, { kind: SpanKind.SERVER, attributes }, parent)
    spans.set(request, span)
    // What the request does from here on is beneath its span.
    context.with(trace.setSpan(parent, span), done)
  })

  function end (request: FastifyRequest, status: number | undefined): void {
    const span = spans.get(request)
    if (status !== undefined) span?.setAttribute('http.response.status_code', status)
    if (status === undefined || status >= 500) span?.setStatus({ code: SpanStatusCode.ERROR })
    span?.end()
  }
  app.addHook('onResponse', (request, reply, done) => {
    end(request, reply.statusCode)
    done()
  })
  app.addHook('onRequestAbort', async (request) => end(request, undefined))

  /** A span of something that is over, as long as it took. */
  function past (name: string, ms: number, isFailed: boolean, endedAgoMs = 0): void {
    if (trace.getActiveSpan() === undefined) return
    const endTime = Date.now() - endedAgoMs
    const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, startTime: endTime - ms })
    if (isFailed) span.setStatus({ code: SpanStatusCode.ERROR })
    span.end(endTime)
  }

  return {
    onCall: (operation, outcome, ms) => past(`kratos ${operation}`, ms, outcome !== 'ok' && outcome !== 'refused'),
    // Only a wait that one can see in a picture.
    onTimes: (pool, waitMs, answerMs = 0) => waitMs >= 1 ? past(`kratos wait ${pool}`, waitMs, false, answerMs) : undefined,
    onQuery: ({ sql, durationMs, isFailed }) => past(`sql ${verbOf(sql)}`, durationMs, isFailed),
  }
}
