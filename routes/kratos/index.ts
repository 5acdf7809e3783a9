import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { serviceError } from '../../src/errors.js'
import { tellEnded } from '../../src/flows/login-events.js'
import { mayHoldToken, noteProxiedLogin, submittedMembers, throttleProxied } from '../../src/flows/proxied-login.js'
import { watchProxied } from '../../src/flows/proxied-events.js'
import { isProviderCallback, readBody, tokenShown } from '../../src/kratos-client/provider-callback.js'
import { MAIL_LINK_PATHS, type MailLink, readMailLink, withCode } from '../../src/flows/mail-link.js'
import { answerHeaders, mayChange, passThroughPath, proxiedKind, type ProxiedKind } from '../../src/kratos-client/pass-through.js'
import type { StreamedAnswer } from '../../src/kratos-client/streamed-call.js'
import { findOwner } from '../../src/sessions/logout.js'
import type { AuthSettings } from '../../src/settings.js'
import type { ShedClass } from '../../src/shed-class.js'
import { upstreamError } from '../../src/upstream-error.js'
import {
  authEvents,
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

/** As the client wrote it, with its question mark. */
function queryOf ({ raw: { url = '' } }: FastifyRequest): string {
  const start = url.indexOf('?')
  return start === -1 ? '' : url.slice(start)
}

/** With the query as the client wrote it; 404 for what is not Kratos' public API. */
function pathOf (request: FastifyRequest): string {
  const path = passThroughPath((request.params as { '*': string })['*'])
  if (path === undefined) throw serviceError('NOT_FOUND')
  return path + queryOf(request)
}

async function wholeBody ({ body }: StreamedAnswer): Promise<Buffer> {
  const whole = await readBody(body)
  if (!Buffer.isBuffer(whole)) throw upstreamError(whole)
  return whole
}

/** What is asked of Kratos; `read` for what it does not offer. */
function kindOf ({ method, params }: FastifyRequest): ProxiedKind {
  const path = passThroughPath((params as { '*': string })['*'])
  return path === undefined ? 'read' : proxiedKind(method, path)
}

/** A logout is as important here as at our own routes, and a login as a login. */
const SHED_AS: Record<ProxiedKind, ShedClass> = {
  logout: 'never',
  submit: 'submit',
  settings: 'submit',
  start: 'start',
  whoami: 'read',
  read: 'read',
}

export interface KratosRoutesOptions {
  /** The service's. */
  config?: { KRATOS_PROXY: boolean }
  /** Without the proxy: mails lead here all the same. */
  onlyMailLinks?: boolean
  settings: Pick<AuthSettings, 'cookieName'>
}

// For Kratos' SDK and its ready-made forms. No body is rewritten: the operator tells Kratos that it lives at
// `<PUBLIC_URL>/kratos/`, so it writes our addresses itself (docs/decisions/0011).
const kratosRoutes: FastifyPluginAsync<KratosRoutesOptions> = async function kratosRoutes (app, options) {
  const { settings: { cookieName }, config, onlyMailLinks = config?.KRATOS_PROXY === false } = options
  // Any type of body, byte for byte: what Kratos makes of it is Kratos' business.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    '*',
    { parseAs: 'buffer', bodyLimit: MAX_BODY_BYTES },
    (_request, body, done) => done(null, body),
  )

  /** Only to a place that Kratos may send a browser to, and only from a submit to a provider (E10). */
  function addLocation (reply: FastifyReply, answer: StreamedAnswer, link: MailLink | undefined): void {
    // A list where Kratos, or what stands before it, sends two.
    const location: unknown = answer.headers.location
    if (location === undefined) return
    if (typeof location === 'string' && app[ownKratos].isAllowedRedirect(location, { viaProvider: reply.request.method === 'POST' })) {
      reply.header('location', link === undefined ? location : withCode(location, link))
      return
    }
    answer.body.destroy()
    throw serviceError('UPSTREAM_ERROR', { cause: new Error('redirect to a place that is not allowed') })
  }

  /** No way around the budgets of an address. */
  async function throttleAddress (request: FastifyRequest): Promise<void> {
    const kind = kindOf(request)
    if (kind === 'submit') await app[loginThrottle].byAddress(request)
    if (kind === 'start') await app[loginThrottle].startByAddress(request)
  }

  /** The end of a social login; one in an API flow would show its session token to the page, so it is taken back. */
  async function callbackBody (answer: StreamedAnswer): Promise<Buffer> {
    const whole = await wholeBody(answer)
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
    const isSubmit = proxiedKind(method, path) === 'submit'
    const members = isSubmit ? submittedMembers(body, request.headers['content-type']) : undefined
    if (isSubmit) await throttleProxied(request, path, members)
    const isLogout = changes && proxiedKind(method, path) === 'logout'
    const owner = changes
      ? await findOwner({
        kratos: app[ownKratos],
        sessions: app[ownSessions],
        scope: request[kratosScope](),
        wantsOwner: isLogout && app[authEvents] !== undefined,
      }, request[kratosCredential]())
      : {}
    const watch = await watchProxied(request, { method, path, body })
    const answer = await app[ownKratos].passThrough({
      method,
      path,
      headers: request.headers,
      body,
      caller: request[kratosCaller](),
      ownUrl: url,
    })
    if (changes) app[ownSessions].invalidate({ credential: request[kratosCredential](), identityId: owner.identityId })
    if (answer.kind === 'unavailable') throw upstreamError(answer)
    if (isLogout && answer.status < 400) tellEnded(request, 'logout', [owner])
    const isRead = mayHoldToken(path, answer) || watch.readsAnswer(answer)
    const whole = isRead ? await wholeBody(answer) : undefined
    await watch.tell(answer, whole)
    if (isSubmit) await noteProxiedLogin(request, members, answer, { path, cookieName, whole })
    addLocation(reply, answer, link)
    const shown = isProviderCallback(path) ? await callbackBody(answer) : whole ?? answer.body
    return reply.code(answer.status).headers(answerHeaders(answer.headers)).send(shown)
  }

  if (onlyMailLinks) {
    for (const path of MAIL_LINK_PATHS) {
      const onRequest = [app[guardBrowserOrigin], app[loginThrottle].byAddress]
      const config = { auth: false, anyMediaType: true, shed: 'submit' as const }
      app.get(path, { schema: { hide: true }, config, onRequest, exposeHeadRoute: false }, openMailLink(path))
    }
    return
  }

  app.route({
    method: METHODS,
    url: '/*',
    config: { auth: false, anyMediaType: true, shed: (request) => SHED_AS[kindOf(request)] },
    onRequest: [app[guardBrowserOrigin], throttleAddress],
    exposeHeadRoute: false,
    handler: passOn,
  })
}

export default kratosRoutes
