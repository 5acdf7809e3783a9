import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import { serviceError } from '../../../../src/errors.js'
import { deliverStep, flowType, invalidateAfterSubmit, renderFailedStep } from '../../../../src/flows/delivery.js'
import { noteSession, tellLogin, whoseLogin } from '../../../../src/flows/login-events.js'
import { initFittingFlow, newCredential } from '../../../../src/flows/next-flow.js'
import { resultOfTry } from '../../../../src/flows/second-factor.js'
import { watchSettings } from '../../../../src/flows/settings-events.js'
import { submitStep } from '../../../../src/flows/submit.js'
import { FLOWS, type FlowDefinition, kratosBody } from '../../../../src/flows/table.js'
import { outOfBounds } from '../../../../src/flows/text-bounds.js'
import { keepsToken } from '../../../../src/http/token-transport.js'
import type { Answer } from '../../../../src/kratos-client/answer.js'
import type { FlowName } from '../../../../src/kratos-client/caller.js'
import type { JsonObject } from '../../../../src/kratos-client/kratos-body.js'
import { isAllowedReturnTo } from '../../../../src/redirect-target.js'
import { about } from '../../../../src/schemas/about.js'
import { responses, success, UPSTREAM_STATUSES } from '../../../../src/schemas/envelope.js'
import { flowParameters, FlowQuerySchema, SubmitQuerySchema, UuidSchema } from '../../../../src/schemas/flow.js'
import { FailedStepSchema, OutcomeSchema } from '../../../../src/schemas/outcome.js'
import { isUsable } from '../../../../src/sessions/resolver.js'
import { type AuthSettings, returnTargets } from '../../../../src/settings.js'
import { keyedSession } from '../../../../src/http/auth-events.js'
import { forwardCookies, guardOrigin, kratosCaller, loginThrottle, ownKratos } from '../../../../src/http/own-names.js'

const ParamsSchema = Type.Object({ id: UuidSchema })
const RESPONSES = responses(success(OutcomeSchema), ...UPSTREAM_STATUSES, 410)
const response = Object.fromEntries(
  Object.entries(RESPONSES).map(([status, schema]) => [status, status === '200' ? schema : FailedStepSchema]),
)
/** What leaves is Kratos' own JSON with a few members more: there is nothing that a schema could take out. */
const serializerCompiler = () => (data: unknown): string => JSON.stringify(data)

/** For visitors; who is logged in is for Kratos to find out. */
const config = { auth: false }

/** Query and body must not disagree (A23). */
function flowId (inBody: string, ...inQuery: Array<string | undefined>): string {
  const id = inBody.toLowerCase()
  const disagrees = inQuery.some((other) => other !== undefined && other.toLowerCase() !== id)
  if (disagrees) {
    throw serviceError('VALIDATION_ERROR', {
      fields: [{ path: '/flow_id', message: 'must be the same in query and body' }],
    })
  }
  return id
}

/** Before anything looks at a text of the body. */
async function checkBounds ({ body }: FastifyRequest): Promise<void> {
  const found = outOfBounds(body)
  if (found !== undefined) throw serviceError('VALIDATION_ERROR', { fields: [found] })
}

const flowRoutes: FastifyPluginAsyncTypebox<{ settings: AuthSettings }> = async function flowRoutes (
  app,
  { settings },
) {
  const { cookieName } = settings
  const allowedReturns = returnTargets(settings)
  app.setErrorHandler(renderFailedStep)

  async function throttleBody (request: FastifyRequest): Promise<void> {
    const body = request.body as JsonObject & { flow_id: string }
    await app[loginThrottle].byIdentifier(request, body, body.flow_id.toLowerCase())
  }

  /** For the budget of second factors. */
  async function noteLogin (request: FastifyRequest, flow: FlowName, body: JsonObject, answer: Answer): Promise<void> {
    if (flow !== 'login') return
    await app[loginThrottle].settleSecondFactor(request, resultOfTry(answer))
    const session = answer.kind === 'ok' ? keyedSession(request, answer.body) : undefined
    const whose = whoseLogin(request, answer.kind === 'ok' && answer.next === 'redirect')
    await app[loginThrottle].rememberLogin(request, body, newCredential({ answer, cookieName }), { session, whose })
  }

  function register (flow: FlowDefinition): void {
    const { name } = flow
    const describe = (verb: string, summary: string) =>
      about.flow(`${verb}${name[0]?.toUpperCase()}${name.slice(1)}Flow`, summary)

    app.get(`/${name}`, {
      schema: { ...describe('start', `Starts a ${name} flow`), querystring: FlowQuerySchema, response },
      onRequest: app[loginThrottle].startByAddress,
      serializerCompiler,
      config,
    }, async (request, reply) => {
      const { type: asked, method } = request.query
      const query = flowParameters(request.query)
      for (const target of [query.return_to, query.after_verification_return_to]) {
        if (target !== undefined && !isAllowedReturnTo(target, allowedReturns)) throw serviceError('RETURN_TO_FORBIDDEN')
      }
      const options = { type: flowType(request, asked, method), query }
      const caller = request[kratosCaller]()
      const { answer, type } = asked === undefined
        ? await initFittingFlow(app[ownKratos], name, options, caller)
        : { answer: await app[ownKratos].initFlow(name, options, caller), type: asked }
      return deliverStep(request, reply, { flow: name, type, answer, keepToken: false }, cookieName)
    })

    app.get(`/${name}/:id`, {
      schema: { ...describe('get', `A ${name} flow again, with its messages`), params: ParamsSchema, response },
      serializerCompiler,
      config,
    }, async (request, reply) => {
      const answer = await app[ownKratos].fetchFlow(name, request.params.id.toLowerCase(), request[kratosCaller]())
      return deliverStep(
        request,
        reply,
        { flow: name, type: flowType(request, undefined), answer, keepToken: false },
        cookieName,
      )
    })

    const schema = {
      ...describe('submit', `Submits a step of a ${name} flow`),
      body: flow.bodySchema,
      querystring: SubmitQuerySchema,
      response,
    }
    // The address is counted before the body is read, the identifier when the body is known to be valid.
    const hooks = flow.isThrottled
      ? { onRequest: [app[guardOrigin], app[loginThrottle].byAddress], preHandler: throttleBody }
      : { onRequest: app[guardOrigin] }
    app.post(`/${name}`, {
      schema,
      serializerCompiler,
      config,
      preValidation: checkBounds,
      ...hooks,
    }, async (request, reply) => {
      const body = request.body as JsonObject & { flow_id: string }
      const keepToken = keepsToken(request, request.query.transport)
      const id = flowId(body.flow_id, request.query.flow, request.query.flow_id)
      const sent = kratosBody(flow, body, settings.traits)
      const submit = { flow: name, id, body: sent, caller: request[kratosCaller](), keepToken }
      // Kratos could only say so too.
      if (name === 'settings' && !isUsable(submit.caller.credential)) throw serviceError('INVALID_SESSION')
      if (name === 'login') {
        await app[loginThrottle].bySecondFactor(request, submit.body)
        noteSession(request, submit.body)
      }
      const watch = name === 'settings' ? await watchSettings(request, submit.body) : undefined
      const { answer, type, setCookie } = await submitStep(app[ownKratos], submit)
      reply[forwardCookies](setCookie)
      await noteLogin(request, name, submit.body, answer)
      invalidateAfterSubmit(request, answer)
      tellLogin(request, name, answer, cookieName)
      await watch?.tell(answer.kind === 'ok' ? answer.body : undefined)
      return deliverStep(request, reply, { flow: name, type, answer, keepToken }, cookieName)
    })
  }

  FLOWS.forEach(register)
}

export default flowRoutes
