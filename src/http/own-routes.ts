import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod, RouteOptions } from 'fastify'
import { serializerCompiler, validatorCompiler } from './compilers.js'
import { beginHandler, watchHandlers } from './host-refusal.js'
import { applyHttpRules } from './rules.js'
import { documentOwnRoute, type DocumentOptions } from './own-document.js'

/** A host's limit may be too small for a flow, or far too large. */
const BODY_LIMIT = 64 * 1024

type ErrorHandler = NonNullable<RouteOptions['errorHandler']>
const ownHandlers = new WeakSet<object>()
const isOwn = (handler: ErrorHandler | undefined): boolean => handler !== undefined && ownHandlers.has(handler)

/** Marks the error handler of a route of ours: any other one is a host's. */
export function ownErrorHandler (handler: ErrorHandler): ErrorHandler {
  ownHandlers.add(handler)
  return handler
}

/** As text: reply serialisers and `preSerialization` hooks of the host, which may wrap answers, have no part in it. */
function asText (handler: RouteHandlerMethod): RouteHandlerMethod {
  return async function sendText (request: FastifyRequest, reply: FastifyReply) {
    beginHandler(request)
    // A hook may have given this reply one, which is for text too.
    reply.serializer(null as never)
    const answer: unknown = await handler.call(this, request, reply)
    const isObject = typeof answer === 'object' && answer !== null && answer !== reply
    if (reply.sent || !isObject) return answer
    reply.type('application/json; charset=utf-8')
    const serialize = reply.getSerializationFunction(String(reply.statusCode)) ?? JSON.stringify
    return serialize(answer as Record<string, unknown>)
  }
}

/** Set in the scope and on the routes, so that no call of the host reaches them, before or after. */
export function applyOwnRouteRules (scope: FastifyInstance, options: DocumentOptions & { https: boolean }): void {
  applyHttpRules(scope, options)
  watchHandlers(scope)
  // For what hooks of the host send instead of our handlers: the schemas of our answers are not made for it.
  scope.setReplySerializer((payload) => JSON.stringify(payload))
  scope.setSchemaErrorFormatter((errors) => new Error(errors[0]?.message))
  scope.addHook('onRoute', (route: RouteOptions) => {
    // Whatever a hook of the host gave to every route that it sees.
    route.bodyLimit = BODY_LIMIT
    route.attachValidation = false
    route.validatorCompiler = validatorCompiler as never
    route.serializerCompiler = serializerCompiler as never
    if (!isOwn(route.errorHandler)) delete route.errorHandler
    delete route.schemaErrorFormatter
    route.handler = asText(route.handler)
    documentOwnRoute(route, options)
  })
}
