import { durationMs } from '../../clock.js'
import { ApiError } from '../../http/errors.js'
import { publicUrl, withQuery, type Exchange } from '../../http/exchange.js'
import type { Identity } from '../../identity/identity.js'
import type { Kratos } from '../../kratos.js'
import type { Session } from '../../session/session.js'

/** Whether the login is recent enough to change credentials and addresses (docs/kratos-facts.md, section 13). */
export const isPrivileged = ({ clock, config }: Kratos, session: Session): boolean =>
  session.authenticatedAt + durationMs(config.selfservice.flows.settings.privileged_session_max_age) > clock.now()

/** 403 with the URL of a new login, which returns the browser to this request (recording 52). */
export function refreshRequired (ex: Exchange): ApiError {
  const returnTo = withQuery(publicUrl(ex.kratos, ex.path), Object.fromEntries(ex.query))
  return new ApiError({
    id: 'session_refresh_required',
    code: 403,
    message: 'The requested action was forbidden',
    reason: 'The login session is too old and thus not allowed to update these fields. Please re-authenticate.',
    extra: {
      redirect_browser_to: withQuery(publicUrl(ex.kratos, '/self-service/login/browser'), {
        refresh: 'true',
        return_to: returnTo,
      }),
    },
  })
}

/**
 * What may only change with a recent login. A copy of a profile change has lost the times of verification. So with an
 * old login a person with a verified address cannot even change the name (tried on v26.2.0).
 */
const protectedParts = ({ credentials, verifiableAddresses, lost = [] }: Identity): string =>
  JSON.stringify({
    credentials: Object.values(credentials)
      .map(({ type, identifiers, config }) => [type, [...identifiers].sort(), config])
      .sort(),
    addresses: verifiableAddresses.map(({ verifiedAt, ...address }) =>
      lost.includes('verified_at') ? address : { ...address, verifiedAt },
    ),
  })

/** Refuses a change of credentials or verifiable addresses when the login is too old. @throws ApiError 403 */
export function ensureAllowed (ex: Exchange, session: Session, updated: Identity): void {
  if (isPrivileged(ex.kratos, session)) return
  const stored = ex.kratos.store.identities.get(updated.id)
  if (stored === undefined || protectedParts(stored) !== protectedParts(updated)) throw refreshRequired(ex)
}
