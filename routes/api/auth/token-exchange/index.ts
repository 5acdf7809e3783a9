import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { deliverStep, invalidateAfterSubmit, renderFailedStep } from '../../../../src/flows/delivery.js'
import { tellLogin } from '../../../../src/flows/login-events.js'
import { guardOrigin, kratosCaller, loginThrottle, ownKratos } from '../../../../src/http/own-names.js'
import { keepsToken } from '../../../../src/http/token-transport.js'
import { about } from '../../../../src/schemas/about.js'
import { responses, success, UPSTREAM_STATUSES } from '../../../../src/schemas/envelope.js'
import { TransportQuerySchema } from '../../../../src/schemas/flow.js'
import { FailedStepSchema, OutcomeSchema } from '../../../../src/schemas/outcome.js'
import type { AuthSettings } from '../../../../src/settings.js'

/** Kratos makes codes of 64 characters. */
const code = (description: string) =>
  Type.String({ minLength: 1, maxLength: 256, pattern: '^[A-Za-z0-9_-]+$', description })

const BodySchema = Type.Object({
  init_code: code('`session_token_exchange_code` of the flow, which only the app has seen'),
  return_to_code: code('`code` of the address that the browser came back to'),
}, { additionalProperties: true })

const RESPONSES = responses(success(OutcomeSchema), ...UPSTREAM_STATUSES, 410)
const response = Object.fromEntries(
  Object.entries(RESPONSES).map(([status, schema]) => [status, status === '200' ? schema : FailedStepSchema]),
)
/** As the flows' answers: there is nothing that a schema could take out. */
const serializerCompiler = () => (data: unknown): string => JSON.stringify(data)

/** The end of a social login in a native app: its browser brings one code, the app has the other. */
const tokenExchangeRoute: FastifyPluginAsyncTypebox<{ settings: AuthSettings }> = async function tokenExchangeRoute (
  app,
  { settings: { cookieName } },
) {
  app.setErrorHandler(renderFailedStep)
  const schema = {
    ...about.flow('exchangeToken', 'Finishes a social login of a native app'),
    body: BodySchema,
    querystring: TransportQuerySchema,
    response,
  }
  app.post('/', {
    schema,
    serializerCompiler,
    config: { auth: false },
    onRequest: [app[guardOrigin], app[loginThrottle].byAddress],
  }, async (request, reply) => {
    const keepToken = keepsToken(request, request.query.transport)
    const { init_code: initCode, return_to_code: returnToCode } = request.body
    const answer = await app[ownKratos].exchangeToken({ initCode, returnToCode }, request[kratosCaller]())
    invalidateAfterSubmit(request, answer)
    tellLogin(request, 'login', answer, cookieName)
    return await deliverStep(request, reply, { flow: 'login', type: 'api', answer, keepToken }, cookieName)
  })
}

export default tokenExchangeRoute
