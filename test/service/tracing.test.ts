import { context, propagation, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BasicTracerProvider, InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import type { Test } from 'tap'
import { build } from '../support/app.js'
import { answer, startFaultServer } from '../support/fault-server.js'
import { BROKEN, SESSION } from '../support/faults.js'

const TRACE_PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const headers = { cookie: `ory_kratos_session=ory_st_${'a1B2'.repeat(8)}`, traceparent: TRACE_PARENT }

export default async function (t: Test): Promise<void> {
  t.test('TRACING', async (t) => {
    const { W3CTraceContextPropagator } = await import('@opentelemetry/core')
    const exporter = new InMemorySpanExporter()
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }))
    propagation.setGlobalPropagator(new W3CTraceContextPropagator())
    t.teardown(() => {
      context.disable()
      trace.disable()
      propagation.disable()
    })
    const kratos = await startFaultServer(t, answer(200, SESSION))
    const { app } = await build(t, { KRATOS_PUBLIC_URL: kratos.url, TRACING: 'true' })

    t.test('has a span for each request, with calls to Kratos and statements beneath it, in the trace of the caller', async (t) => {
      exporter.reset()
      t.equal((await app.inject({ url: '/api/documents?limit=3&secret=CANARY', headers })).statusCode, 200)
      const spans = exporter.getFinishedSpans()
      const server = spans.find(({ name }) => name === 'GET /api/documents')
      t.match(server, { attributes: { 'http.route': '/api/documents', 'http.response.status_code': 200 } })
      const parentOf = (span: ReadableSpan | undefined): string | undefined => span?.parentSpanContext?.spanId
      t.equal(parentOf(server), 'b7ad6b7169203331')
      const names = spans.filter((span) => parentOf(span) === server?.spanContext().spanId).map(({ name }) => name)
      t.ok(names.includes('kratos whoami') && names.includes('sql SELECT'), names.join())
      t.same([...new Set(spans.map((span) => span.spanContext().traceId))], ['0af7651916cd43dd8448eb211c80319c'])
      t.notMatch(JSON.stringify(spans.map(({ name, attributes }) => ({ name, attributes }))), /CANARY|secret|ory_st_/)
    })

    t.test('marks what failed', async (t) => {
      exporter.reset()
      kratos.react(BROKEN)
      await app.inject({ url: '/api/auth/whoami', headers })
      const failed = exporter.getFinishedSpans().filter(({ status }) => status.code === 2).map(({ name }) => name)
      t.same(failed.sort(), ['GET /api/auth/whoami', 'kratos whoami'])
    })
  })

  t.test('without TRACING there are no spans', async (t) => {
    const { app } = await build(t)
    t.equal(app.tracing, undefined)
  })
}
