import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { serviceError } from '../../../../src/errors.js'
import { sessionEpoch } from '../../../../src/kratos-client/kratos-time.js'
import type { KratosSession } from '../../../../src/kratos-client/session.js'
import { profileOf } from '../../../../src/profile.js'
import { about } from '../../../../src/schemas/about.js'
import { ok, responses, success, UPSTREAM_STATUSES } from '../../../../src/schemas/envelope.js'
import { hasVerifiedAddress } from '../../../../src/sessions/strength.js'
import { withNext } from '../../../../src/http/refusal.js'
import { authOf, sessionOf } from '../../../../src/http/request-auth.js'
import type { AuthSettings } from '../../../../src/settings.js'
import { kratosCredential, renewSessionCookie } from '../../../../src/http/own-names.js'

const OptionalText = Type.Union([Type.String(), Type.Null()])

const WhoamiSchema = Type.Object({
  id: Type.String(),
  email: OptionalText,
  first_name: OptionalText,
  last_name: OptionalText,
  username: OptionalText,
  authenticated: Type.Literal(true),
  // Only with ?full=true.
  session: Type.Optional(
    Type.Object({ id: Type.String(), expires_at: Type.String(), authenticated_at: Type.Optional(Type.String()) }),
  ),
  aal: Type.Optional(Type.String()),
  methods: Type.Optional(Type.Array(Type.Unknown())),
  addresses: Type.Optional(Type.Array(Type.Unknown())),
  traits: Type.Optional(
    Type.Object({}, { additionalProperties: true, description: 'all of them, as the identity schema has them' }),
  ),
  verified: Type.Optional(Type.Boolean({ description: 'whether one of the addresses is verified' })),
})

/** A status of its own, so that 200 always has somebody. */
const NobodySchema = Type.Null({ description: 'Nobody is logged in; only with optional=true' })
const RESPONSES = { ...responses(success(WhoamiSchema), ...UPSTREAM_STATUSES), 204: NobodySchema }

/** A token of Kratos' tokenizer is not built: asking for one is refused, not forgotten. */
const QuerySchema = Type.Object({
  full: Type.Optional(Type.Boolean()),
  optional: Type.Optional(Type.Boolean({ description: 'visitors are 204 instead of 401' })),
  headers: Type.Optional(Type.Boolean({ description: 'X-User-Id, for a proxy that asks before it lets a request pass' })),
  tokenize_as: Type.Optional(Type.Never()),
}, { additionalProperties: true })

const list = (value: unknown): unknown[] => Array.isArray(value) ? value : []

function details (session: KratosSession) {
  const { id, authenticated_at: authenticatedAt, authenticator_assurance_level: aal } = session
  return {
    session: {
      id,
      expires_at: session.expires_at,
      ...(typeof authenticatedAt === 'string' && { authenticated_at: authenticatedAt }),
    },
    ...(aal !== undefined && { aal }),
    methods: list(session.authentication_methods),
    addresses: list(session.identity['verifiable_addresses']),
    traits: session.identity.traits,
    verified: hasVerifiedAddress(session),
  }
}

const whoamiRoute: FastifyPluginAsyncTypebox<{ settings: AuthSettings }> = async function whoamiRoute (
  app,
  { settings: { traits: pointers } },
) {
  const schema = { ...about.session('whoami', 'Who is logged in'), querystring: QuerySchema, response: RESPONSES }
  app.get('/', { schema, config: { auth: { optional: true } } }, async (request, reply) => {
    const { full, optional, headers } = request.query
    if (authOf(request).kind === 'none') {
      if (optional !== true) throw withNext(request, serviceError('INVALID_SESSION'))
      return reply.code(204).send(null)
    }
    const session = sessionOf(request)
    const credential = request[kratosCredential]()
    if (request.method === 'GET' && credential.kind === 'token' && credential.from === 'cookie') {
      reply[renewSessionCookie](credential.value, session.expires_at, sessionEpoch(session))
    }
    const { id, traits } = session.identity
    if (headers === true) reply.header('x-user-id', id)
    return ok({
      id,
      ...profileOf(traits, pointers),
      authenticated: true,
      ...(full === true && details(session)),
    })
  })
}

export default whoamiRoute
