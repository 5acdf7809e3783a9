import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { serviceError } from '../../src/errors.js'
import { FLOWS } from '../../src/flows/table.js'
import { isProviderCallback, readBody, tokenShown } from '../../src/kratos-client/provider-callback.js'
import { answerHeaders, passThroughPath } from '../../src/kratos-client/pass-through.js'
import type { StreamedAnswer } from '../../src/kratos-client/streamed-call.js'
import { upstreamError } from '../../src/upstream-error.js'
import {
  guardBrowserOrigin,
  kratosCaller,
  kratosCredential,
  kratosScope,
  loginThrottle,
  ownKratos,
  ownSessions,
  ownUrl,
} from '../../src/http/own-names.js'

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']
/** Kratos' flows are small; a web hook target or an upload is not what this is for. */
const MAX_BODY_BYTES = 64 * 1024

/** May change a session or an account: all requests but those that only show something (I09). */
const mayChange = (method: string, path: string): boolean =>
  method !== 'GET' || (path.startsWith('/self-service/') && !/\/(?:browser|api|flows)(?:\?|$)/.test(path))

/** Submits that have budgets at our own routes; a link of a mail is one too. */
const THROTTLED_PATHS = new Set(
  FLOWS.filter(({ isThrottled }) => isThrottled).map(({ name }) => `/self-service/${name}`),
)

/** With the query as the client wrote it; 404 for what is not Kratos' public API. */
function pathOf (request: FastifyRequest): string {
  const path = passThroughPath((request.params as { '*': string })['*'])
  if (path === undefined) throw serviceError('NOT_FOUND')
  const query = request.raw.url?.indexOf('?') ?? -1
  return query === -1 ? path : path + request.raw.url?.slice(query)
}

export interface KratosRoutesOptions {
  /** The service's; a plugin registers these routes where they are wanted. */
  config?: { KRATOS_PROXY: boolean }
}

// For Kratos' SDK and its ready-made forms. No body is rewritten: the operator tells Kratos that it lives at
// `<PUBLIC_URL>/kratos/`, so it writes our addresses itself (docs/decisions/0011).
const kratosRoutes: FastifyPluginAsync<KratosRoutesOptions> = async function kratosRoutes (app, { config }) {
  if (config?.KRATOS_PROXY === false) return

  // Any type of body, byte for byte: what Kratos makes of it is Kratos' business.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    '*',
    { parseAs: 'buffer', bodyLimit: MAX_BODY_BYTES },
    (_request, body, done) => done(null, body),
  )

  /** Only to a place that Kratos may send a browser to, and only from a submit to a provider (E10). */
  function addLocation (reply: FastifyReply, answer: StreamedAnswer): void {
    const { location } = answer.headers
    if (location === undefined) return
    if (app[ownKratos].isAllowedRedirect(location, { viaProvider: reply.request.method === 'POST' })) {
      reply.header('location', location)
      return
    }
    answer.body.destroy()
    throw serviceError('UPSTREAM_ERROR', { cause: new Error('redirect to a place that is not allowed') })
  }

  /** No way around the budget of an address; the identifier is in a body that nobody here reads. */
  async function throttleSubmit (request: FastifyRequest): Promise<void> {
    const path = passThroughPath((request.params as { '*': string })['*'])
    if (path !== undefined && THROTTLED_PATHS.has(path)) await app[loginThrottle].byAddress(request)
  }

  /** The end of a social login; one in an API flow would show its session token to the page, so it is taken back. */
  async function callbackBody ({ body }: StreamedAnswer): Promise<Buffer> {
    const whole = await readBody(body)
    if (whole === undefined) { throw serviceError('UPSTREAM_ERROR', { cause: new Error('callback page of more than 1 MiB') }) }
    const token = tokenShown(whole)
    if (token === undefined) return whole
    await app[ownKratos].revokeToken(token)
    throw serviceError('FLOW_TYPE_MISMATCH', { text: 'This method needs a flow of type browser' })
  }

  async function passOn (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const path = pathOf(request)
    const url = request[ownUrl]()
    if (url === '') throw serviceError('VALIDATION_ERROR')
    const body = Buffer.isBuffer(request.body) ? request.body : null
    const method = request.method as 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
    const changes = mayChange(method, path)
    const identityId = changes
      ? await app[ownSessions].ownerOf(request[kratosCredential](), request[kratosScope]())
      : undefined
    const answer = await app[ownKratos].passThrough({
      method,
      path,
      headers: request.headers,
      body,
      caller: request[kratosCaller](),
      ownUrl: url,
    })
    if (changes) app[ownSessions].invalidate({ credential: request[kratosCredential](), identityId })
    if (answer.kind === 'unavailable') throw upstreamError(answer)
    addLocation(reply, answer)
    const shown = isProviderCallback(path) ? await callbackBody(answer) : answer.body
    return reply.code(answer.status).headers(answerHeaders(answer.headers)).send(shown)
  }

  app.route({
    method: METHODS,
    url: '/*',
    config: { auth: false, anyMediaType: true },
    onRequest: [app[guardBrowserOrigin], throttleSubmit],
    exposeHeadRoute: false,
    handler: passOn,
  })
}

export default kratosRoutes
