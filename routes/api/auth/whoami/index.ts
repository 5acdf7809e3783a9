import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { sessionEpoch } from '../../../../src/kratos-client/kratos-time.js'
import type { KratosSession } from '../../../../src/kratos-client/session.js'
import { profileOf } from '../../../../src/profile.js'
import { about } from '../../../../src/schemas/about.js'
import { ok, responses, success, UPSTREAM_STATUSES } from '../../../../src/schemas/envelope.js'
import { hasVerifiedAddress } from '../../../../src/sessions/strength.js'
import type { AuthSettings } from '../../../../src/settings.js'
import { sessionOf } from '../../../../src/http/request-auth.js'
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

const RESPONSES = responses(success(WhoamiSchema), ...UPSTREAM_STATUSES)

/** A token of Kratos' tokenizer is not built: asking for one is refused, not forgotten. */
const QuerySchema = Type.Object({
  full: Type.Optional(Type.Boolean()),
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
  app.get('/', { schema, config: { auth: true } }, async (request, reply) => {
    const session = sessionOf(request)
    const credential = request[kratosCredential]()
    if (request.method === 'GET' && credential.kind === 'token' && credential.from === 'cookie') {
      reply[renewSessionCookie](credential.value, session.expires_at, sessionEpoch(session))
    }
    const { id, traits } = session.identity
    return ok({
      id,
      ...profileOf(traits, pointers),
      authenticated: true,
      ...(request.query.full === true && details(session)),
    })
  })
}

export default whoamiRoute
