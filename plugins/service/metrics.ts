import fp from 'fastify-plugin'
import { type Config, isCounting } from '../../src/config.js'
import { publicError } from '../../src/http/error-handler.js'
import { onSecurityEvent } from '../../src/http/security-event.js'
import { type Metrics, NO_METRICS } from '../../src/service/metrics/metrics.js'
import { publicStoreError } from '../../src/service/store/public-error.js'
import type { PrometheusMetrics } from '../../src/service/metrics/prometheus.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** For `GET /metrics`; without METRICS_TOKEN nothing is counted. */
    metrics: Metrics & Partial<PrometheusMetrics>
  }
}

export interface MetricsPluginOptions {
  config: Config
}

export default fp<MetricsPluginOptions>(async function metrics (app, { config }) {
  if (!isCounting(config)) {
    app.decorate('metrics', NO_METRICS)
    return
  }
  // Loaded here, so that a service without metrics does without the library.
  const { createPrometheusMetrics } = await import('../../src/service/metrics/prometheus.js')
  const counted = createPrometheusMetrics()
  app.decorate('metrics', counted)
  onSecurityEvent(app, counted.recordSecurityEvent)
  counted.trackPools(() => app.kratos.load())
  counted.trackSessions(() => app.sessions.counters())
  app.addHook('onResponse', (request, reply, done) => {
    counted.recordRequest(request.method, request.routeOptions.url, reply.statusCode, reply.elapsedTime)
    done()
  })
  app.addHook('onError', (_request, _reply, error, done) => {
    counted.recordError((publicStoreError(error) ?? publicError(error)).code)
    done()
  })
  app.server.on('drop', counted.recordDrop)
  app.addHook('onRequestAbort', (request, done) => {
    counted.recordAbort(request.method, request.routeOptions.url)
    done()
  })
}, { name: 'metrics', fastify: '5.x' })
