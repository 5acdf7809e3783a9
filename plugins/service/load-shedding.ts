import { getHeapStatistics } from 'node:v8'
import underPressure from '@fastify/under-pressure'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type {} from '../../src/shed-class.js'
import type { Config } from '../../src/config.js'
import { serviceError } from '../../src/errors.js'
import { awaitsBody } from '../../src/service/bytes/unfinished-bodies.js'
import { FEW_REQUESTS, pressureOf, SHED_AT, shedClassOf } from '../../src/service/pressure.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** It is here whole, and its answer is not made yet. */
    isInFlight: boolean
  }
}

export interface LoadSheddingOptions {
  config: Config
}

const SAMPLE_INTERVAL_MS = 250

/** Refuses work with 503 OVERLOADED before it costs anything, and in a fixed order (M05, M06). */
export default fp<LoadSheddingOptions>(async function loadShedding (app, { config }) {
  const limits = {
    eventLoopDelayMs: config.MAX_EVENT_LOOP_DELAY_MS,
    inFlight: config.MAX_IN_FLIGHT,
    heapBytes: getHeapStatistics().heap_size_limit,
  }
  let inFlight = 0
  await app.register(underPressure, { sampleInterval: SAMPLE_INTERVAL_MS })
  app.decorateRequest('isInFlight', false)

  function begin (request: FastifyRequest, reply: FastifyReply): void {
    if (reply.raw.destroyed) return
    request.isInFlight = true
    inFlight++
    // The answer to a client that has gone may never be made, and Fastify tells of no abort once a body was read.
    reply.raw.once('close', () => end(request))
  }

  function end (request: FastifyRequest): void {
    if (request.isInFlight) inFlight--
    request.isInFlight = false
  }

  function isTooMuch (request: FastifyRequest): boolean {
    // Without pressure there is nothing to read of the process.
    if (inFlight < FEW_REQUESTS) return false
    const { eventLoopDelay: eventLoopDelayMs, heapUsed: heapUsedBytes } = app.memoryUsage()
    const pressure = pressureOf({ eventLoopDelayMs, heapUsedBytes, inFlight }, limits)
    const { shed = 'read' } = request.routeOptions.config
    const shedClass = typeof shed === 'function' ? shed(request) : shed
    if (pressure < SHED_AT[shedClass]) return false
    app.metrics.recordShed(shedClass)
    return true
  }

  app.addHook('onRoute', (route) => {
    const [method = ''] = [route.method].flat()
    route.config = { ...route.config, shed: route.config?.shed ?? shedClassOf(method, route.url) }
  })

  app.addHook('onRequest', function shedLoad (request, reply, done) {
    if (isTooMuch(request)) return done(serviceError('OVERLOADED'))
    // A body that is still on its way counts by its bytes: a few hundred slow clients would stop the service.
    if (!awaitsBody(request)) begin(request, reply)
    done()
  })

  app.addHook('preValidation', function bodyIsHere (request, reply, done) {
    if (!request.isInFlight) begin(request, reply)
    done()
  })

  app.addHook('onSend', function answerIsMade (request, _reply, _payload, done) {
    end(request)
    done()
  })
}, { name: 'load-shedding', fastify: '5.x', dependencies: ['metrics'] })
