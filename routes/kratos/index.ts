import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { serviceError } from '../../src/errors.js'
import { FLOWS } from '../../src/flows/table.js'
import { isProviderCallback, readBody, tokenShown } from '../../src/kratos-client/provider-callback.js'
import { MAIL_LINK_PATHS, type MailLink, readMailLink, withCode } from '../../src/kratos-client/mail-link.js'
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

/** Whether a request may change a session or an account: all but those that only show something (I09). */
const mayChange = (method: string, path: string): boolean =>
  method !== 'GET' || (path.startsWith('/self-service/') && !/\/(?:browser|api|flows)(?:\?|$)/.test(path))

/** Where Kratos takes the submits that have budgets at our own routes; a link of a mail is one too. */
const THROTTLED_PATHS = new Set(
  FLOWS.filter(({ isThrottled }) => isThrottled).map(({ name }) => `/self-service/${name}`),
)

/** As the client wrote it, with its question mark. */
function queryOf ({ raw: { url = '' } }: FastifyRequest): string {
  const start = url.indexOf('?')
  return start === -1 ? '' : url.slice(start)
}

/** Kratos' path with the query as the client wrote it; 404 for what is not Kratos' public API. */
function pathOf (request: FastifyRequest): string {
  const path = passThroughPath((request.params as { '*': string })['*'])
  if (path === undefined) throw serviceError('NOT_FOUND')
  return path + queryOf(request)
}

export interface KratosRoutesOptions {
  /** The service's; a plugin registers these routes where they are wanted. */
  config?: { KRATOS_PROXY: boolean }
}

/**
 * Kratos' own public API on our origin, for its SDK and its ready-made forms. Nothing in a body is rewritten: the
 * operator tells Kratos that it lives at `<PUBLIC_URL>/kratos/`, so Kratos itself writes our addresses
 * (docs/decisions/0011).
 */
const kratosRoutes: FastifyPluginAsync<KratosRoutesOptions> = async function kratosRoutes (app, { config }) {
  // Any type of body, byte for byte: what Kratos makes of it is Kratos' business.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    '*',
    { parseAs: 'buffer', bodyLimit: MAX_BODY_BYTES },
    (_request, body, done) => done(null, body),
  )

  /**
   * A redirect goes on to a place that Kratos may send a browser to, and nowhere else; only a submit may lead to a
   * provider (E10).
   */
  function addLocation (reply: FastifyReply, answer: StreamedAnswer, link: MailLink | undefined): void {
    const { location } = answer.headers
    if (location === undefined) return
    if (app[ownKratos].isAllowedRedirect(location, { viaProvider: reply.request.method === 'POST' })) {
      reply.header('location', link === undefined ? location : withCode(location, link))
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

  const passOn = (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const path = pathOf(request)
    return forward(request, reply, path, request.method === 'GET' ? readMailLink(path) : undefined)
  }

  /** The one thing that is here without the proxy: mails lead to it. */
  const openMailLink = (path: string) => async (request: FastifyRequest, reply: FastifyReply) => {
    const link = readMailLink(path + queryOf(request))
    if (link === undefined) throw serviceError('NOT_FOUND')
    return await forward(request, reply, link.path, link)
  }

  async function forward (
    request: FastifyRequest,
    reply: FastifyReply,
    path: string,
    link: MailLink | undefined,
  ): Promise<FastifyReply> {
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
    addLocation(reply, answer, link)
    const shown = isProviderCallback(path) ? await callbackBody(answer) : answer.body
    return reply.code(answer.status).headers(answerHeaders(answer.headers)).send(shown)
  }

  const route = { config: { auth: false, anyMediaType: true }, exposeHeadRoute: false }

  if (config?.KRATOS_PROXY === false) {
    for (const path of MAIL_LINK_PATHS) {
      const onRequest = [app[guardBrowserOrigin], app[loginThrottle].byAddress]
      app.get(path, { ...route, onRequest }, openMailLink(path))
    }
    return
  }

  app.route({
    ...route,
    method: METHODS,
    url: '/*',
    onRequest: [app[guardBrowserOrigin], throttleSubmit],
    handler: passOn,
  })
}

export default kratosRoutes
