import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { serviceError } from '../../../../../src/errors.js'
import { about } from '../../../../../src/schemas/about.js'
import { ok, responses, success, UPSTREAM_STATUSES } from '../../../../../src/schemas/envelope.js'
import { isUsable } from '../../../../../src/sessions/resolver.js'
import { upstreamError } from '../../../../../src/upstream-error.js'
import {
  endCookieConflict,
  forwardCookies,
  kratosCredential,
  kratosScope,
  ownKratos,
  ownUrl,
} from '../../../../../src/http/own-names.js'

const RESPONSES = responses(success(Type.Object({ logout_url: Type.String() })), ...UPSTREAM_STATUSES)

const logoutUrlRoute: FastifyPluginAsyncTypebox = async function logoutUrlRoute (app) {
  // Where the other logout routes are: the prefix of this folder without its last two parts.
  const logoutPath = app.prefix.replace(/\/flows\/logout$/, '/logout')

  const schema = { ...about.session('getLogoutUrl', 'The URL that logs out when it is opened'), response: RESPONSES }
  app.get('/', { schema, config: { auth: false } }, async (request, reply) => {
    const credential = request[kratosCredential]()
    if (credential.kind === 'conflict') reply[endCookieConflict]()
    if (!isUsable(credential)) throw serviceError('INVALID_SESSION')
    const answer = await app[ownKratos].initLogout(credential, request[kratosScope]())
    reply[forwardCookies](answer.setCookie)
    if (answer.kind !== 'ok') throw upstreamError(answer)
    const token = answer.body['logout_token']
    if (typeof token !== 'string') throw serviceError('UPSTREAM_ERROR')
    // Kratos' own URL cannot end a session that lives in a minted cookie (docs/decisions/0002).
    return ok({ logout_url: `${request[ownUrl]()}${logoutPath}?token=${encodeURIComponent(token)}` })
  })
}

export default logoutUrlRoute
