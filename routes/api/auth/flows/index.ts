import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { serviceError } from '../../../../src/errors.js'
import { FLOWS, type FlowDefinition, kratosBody } from '../../../../src/flows/table.js'
import type { Answer } from '../../../../src/kratos-client/answer.js'
import type { FlowType } from '../../../../src/kratos-client/client.js'
import type { JsonObject } from '../../../../src/kratos-client/kratos-body.js'
import { sessionExpiry, sessionToken, withoutSessionToken } from '../../../../src/kratos-client/session-token.js'
import { isAllowedReturnTo } from '../../../../src/redirect-target.js'
import { responses, success, UPSTREAM_STATUSES } from '../../../../src/schemas/envelope.js'
import { FlowQuerySchema, KratosObjectSchema, SubmitQuerySchema, UuidSchema } from '../../../../src/schemas/flow.js'
import type { AuthSettings } from '../../../../src/settings.js'
import { upstreamError } from '../../../../src/upstream-error.js'

const RESPONSES = responses(success(KratosObjectSchema), ...UPSTREAM_STATUSES, 410)

/** The answer to a flow call: Kratos' cookies always, its token as a cookie and never in the body (B26, B27). */
function deliver (reply: FastifyReply, answer: Answer, { keepToken }: { keepToken: boolean }): { success: true, data: JsonObject } {
  reply.forwardCookies(answer.setCookie)
  if (answer.kind !== 'ok') throw upstreamError(answer)
  if (keepToken) return { success: true, data: answer.body }
  const token = sessionToken(answer.body)
  if (token !== undefined) reply.mintSessionCookie(token, sessionExpiry(answer.body))
  return { success: true, data: withoutSessionToken(answer.body) }
}

/** Type of a new flow: `browser` for the holder of a sealed cookie, who could not use the other kind (design, section 3). */
function flowType (request: FastifyRequest, asked: FlowType | undefined): FlowType {
  const sealed = request.kratosCaller().credential.kind === 'cookie'
  if (asked === 'api' && sealed) throw serviceError('FLOW_TYPE_MISMATCH')
  return asked ?? (sealed ? 'browser' : 'api')
}

/** The one flow id of a submit; query and body must not disagree (A23). */
function flowId (inBody: string, ...inQuery: Array<string | undefined>): string {
  const id = inBody.toLowerCase()
  const disagrees = inQuery.some((other) => other !== undefined && other.toLowerCase() !== id)
  if (disagrees) throw serviceError('VALIDATION_ERROR', { fields: [{ path: '/flow_id', message: 'must be the same in query and body' }] })
  return id
}

/** A token in the body is for native clients; a browser has to take the cookie (B26). */
function keepsToken ({ headers }: FastifyRequest, transport: string | undefined): boolean {
  if (transport !== 'token') return false
  if (headers.origin !== undefined || headers['sec-fetch-site'] !== undefined) throw serviceError('ORIGIN_FORBIDDEN')
  return true
}

const flowRoutes: FastifyPluginAsyncTypebox<{ settings: AuthSettings }> = async function flowRoutes (app, { settings }) {
  const returnTargets = [settings.frontendUrl, ...settings.origins].filter((url) => url !== undefined).map((url) => new URL(url))

  function register (flow: FlowDefinition): void {
    app.get(`/${flow.name}`, { schema: { querystring: FlowQuerySchema, response: RESPONSES } }, async (request, reply) => {
      const { type, return_to: returnTo, refresh, aal } = request.query
      if (returnTo !== undefined && !isAllowedReturnTo(returnTo, returnTargets)) throw serviceError('RETURN_TO_FORBIDDEN')
      const options = { type: flowType(request, type), query: { return_to: returnTo, refresh, aal } }
      return deliver(reply, await app.kratos.initFlow(flow.name, options, request.kratosCaller()), { keepToken: false })
    })

    app.get(`/${flow.name}/:id`, { schema: { params: Type.Object({ id: UuidSchema }), response: RESPONSES } }, async (request, reply) => {
      const answer = await app.kratos.fetchFlow(flow.name, request.params.id.toLowerCase(), request.kratosCaller())
      return deliver(reply, answer, { keepToken: false })
    })

    const schema = { body: flow.bodySchema, querystring: SubmitQuerySchema, response: RESPONSES }
    app.post(`/${flow.name}`, { schema, onRequest: app.guardOrigin }, async (request, reply) => {
      const body = request.body as JsonObject & { flow_id: string }
      const keepToken = keepsToken(request, request.query.transport)
      const id = flowId(body.flow_id, request.query.flow, request.query.flow_id)
      return deliver(reply, await app.kratos.submitFlow(flow.name, id, kratosBody(flow, body), request.kratosCaller()), { keepToken })
    })
  }

  FLOWS.forEach(register)
}

export default flowRoutes
