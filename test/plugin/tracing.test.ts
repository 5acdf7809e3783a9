import { context, propagation, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import FastifyOtel from '@fastify/otel'
import Fastify from 'fastify'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import fastifyKratos from '../../src/plugin.js'
import { PATIENT } from '../support/app.js'

const TOKEN = (n: number): string => `ory_st_${String(n).padStart(32, 'a')}`
const TRACE_PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

/** Says yes to every token after a while, and remembers what it was asked with. */
async function startSlowKratos (t: Test, status = 200) {
  const heard: IncomingHttpHeaders[] = []
  const server = createServer((request, response) => {
    heard.push(request.headers)
    const token = String(request.headers['x-session-token'])
    const id = `6c2f5b54-6f6f-4f9b-8a55-${token.slice(-12).replaceAll('a', '0')}`
    setTimeout(() => {
      response.writeHead(status, { 'content-type': 'application/json' })
      const identity = { id, traits: {} }
      response.end(JSON.stringify({ id: 's', active: true, expires_at: '2999-01-01T00:00:00Z', identity }))
    }, 20)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => { server.closeAllConnections(); server.close() })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard }
}

export default async function (t: Test): Promise<void> {
  t.test('without a tracer', async (t) => {
    const { url, heard } = await startSlowKratos(t)
    const app = Fastify({ genReqId: (request) => String(request.headers['x-id'] ?? 'request-1') })
    t.teardown(() => app.close())
    await app.register(fastifyKratos, { ...PATIENT, publicUrl: url })
    app.get('/', { config: { auth: true } }, async () => 'ok')

    t.test('the id of the request and the trace of its caller go up', async (t) => {
      const headers = { 'x-session-token': TOKEN(1), traceparent: TRACE_PARENT, tracestate: 'vendor=1' }
      t.equal((await app.inject({ url: '/', headers })).statusCode, 200)
      t.match(heard.at(-1), { 'x-request-id': 'request-1', traceparent: TRACE_PARENT, tracestate: 'vendor=1' })
    })

    t.test('nothing goes up that is none', async (t) => {
      const headers = { 'x-session-token': TOKEN(2), traceparent: 'what ever', tracestate: 'vendor=1', 'x-id': 'two words' }
      t.equal((await app.inject({ url: '/', headers })).statusCode, 200)
      const { traceparent, tracestate, 'x-request-id': id } = heard.at(-1) ?? {}
      t.strictSame([traceparent, tracestate, id], [undefined, undefined, undefined])
    })
  })

  t.test('with @fastify/otel and the instrumentation of undici', async (t) => {
    const exporter = new InMemorySpanExporter()
    const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    trace.setGlobalTracerProvider(provider)
    const { W3CTraceContextPropagator } = await import('@opentelemetry/core')
    propagation.setGlobalPropagator(new W3CTraceContextPropagator())
    const instrumentation = new UndiciInstrumentation()
    instrumentation.setTracerProvider(provider)
    instrumentation.enable()
    const otel = new FastifyOtel.FastifyOtelInstrumentation()
    otel.setTracerProvider(provider)
    t.teardown(() => {
      instrumentation.disable()
      for (const api of [context, trace, propagation]) api.disable()
    })

    const { url, heard } = await startSlowKratos(t)
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(otel.plugin())
    await app.register(fastifyKratos, { ...PATIENT, publicUrl: url })
    app.get('/', { config: { auth: true } }, async ({ identityId }) => identityId)

    // Connections and the queue that stays: of more some are refused where the machine is late.
    const USERS = 32 + 48
    t.test('80 users at once: the call of each is a span of its own trace', async (t) => {
      const ask = (n: number) => app.inject({ url: '/', headers: { 'x-session-token': TOKEN(n) } })
      const answers = await Promise.all(Array.from({ length: USERS }, (_, n) => ask(n)))
      t.ok(answers.every(({ statusCode }) => statusCode === 200), 'more than there are connections: most of them waited')
      const spans = exporter.getFinishedSpans()
      const traces = new Map<string, string[]>()
      for (const span of spans) {
        const { traceId } = span.spanContext()
        traces.set(traceId, [...traces.get(traceId) ?? [], String(span.attributes['url.full'] ?? '')])
      }
      const calls = [...traces.values()].map((urls) => urls.filter((span) => span.endsWith('/sessions/whoami')).length)
      t.strictSame(calls, Array<number>(USERS).fill(1))
      const parents = heard.map(({ traceparent }) => String(traceparent).split('-')[1])
      t.equal(new Set(parents).size, USERS, 'each of them was told to Kratos')
      t.ok(heard.every(({ traceparent }) => !String(traceparent).includes(',')), 'once')
    })
  })
}
