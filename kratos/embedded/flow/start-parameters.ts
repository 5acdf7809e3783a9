import { badRequest, misconfigured } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import { parseUuid } from '../random.js'

/** What a login or registration can be started with. */
export interface StartParameters {
  identitySchema: string
  /** Empty for none, and for what is no UUID. */
  organizationId: string
  /** Of an OAuth2 login; empty for none. */
  loginChallenge: string
}

export const NO_PARAMETERS: StartParameters = { identitySchema: '', organizationId: '', loginChallenge: '' }

/** In the order in which Kratos checks them. @throws ApiError for values that cannot be used */
export const startParameters = (ex: Exchange): StartParameters => ({
  loginChallenge: loginChallengeOf(ex),
  organizationId: parseUuid(ex.query.get('organization')) ?? '',
  identitySchema: identitySchemaOf(ex),
})

/** Of a login. The schema is checked later, and only for a first factor. */
export const loginParameters = (ex: Exchange): StartParameters => ({
  loginChallenge: loginChallengeOf(ex),
  organizationId: parseUuid(ex.query.get('organization')) ?? '',
  identitySchema: '',
})

/** Clients can choose the default schema, and those that the configuration opens to them. */
export function identitySchemaOf ({ query, kratos }: Exchange): string {
  const asked = query.get('identity_schema') ?? ''
  const { default_schema_id: defaultId, schemas } = kratos.config.identity
  if (asked === '' || asked === defaultId) return asked
  const found = schemas.find(({ id }) => id === asked)
  if (found === undefined) throw badRequest(`Requested identity schema ${JSON.stringify(asked)} does not exist.`)
  if (found.selfservice_selectable === true) return asked
  throw badRequest(`Requested identity schema ${JSON.stringify(asked)} is not enabled for self-service flows.`)
}

export function loginChallengeOf ({ query, kratos }: Exchange): string {
  const challenge = query.get('login_challenge')
  if (challenge === null) return ''
  if (kratos.config.oauth2_provider.url === undefined) {
    throw misconfigured(
      'refusing to parse login_challenge query parameter because oauth2_provider.url is invalid or unset',
    )
  }
  if (challenge === '') throw badRequest('the login_challenge parameter is present but empty')
  return challenge
}
