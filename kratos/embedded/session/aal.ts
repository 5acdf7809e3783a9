import { ApiError } from '../http/errors.js'
import { publicUrl, withQuery } from '../http/exchange.js'
import type { Identity } from '../identity/identity.js'
import type { Kratos } from '../kratos.js'
import { usableFactors } from '../methods/factors.js'
import type { Aal, Session } from './session.js'

/** The highest level that the identity's credentials allow. */
export function availableAal (kratos: Kratos, identity: Identity): Aal {
  const usable = usableFactors(kratos, identity).map(({ aal }) => aal)
  return usable.includes('aal2') ? 'aal2' : usable.includes('aal1') ? 'aal1' : 'aal0'
}

/**
 * Refuses a session below the required level.
 * @param wanted `aal1` or `highest_available`, as configured
 * @param returnTo where to go after the second factor
 * @throws ApiError 403 `session_aal2_required` (recording 34)
 */
export function ensureAal (kratos: Kratos, session: Session, wanted: string, returnTo?: string): void {
  if (!isSatisfied(kratos, session, wanted)) throw aalRequired(kratos, returnTo)
}

/** Whether a session has the required level: `aal1` or `highest_available`, as configured. */
export const isSatisfied = (kratos: Kratos, session: Session, wanted: string): boolean =>
  session.aal === 'aal2' ||
  (wanted === 'aal1' && session.aal === 'aal1') ||
  (wanted === 'highest_available' && availableAal(kratos, session.identity) !== 'aal2')

export function aalRequired (kratos: Kratos, returnTo?: string): ApiError {
  const url = withQuery(publicUrl(kratos, '/self-service/login/browser'), {
    aal: 'aal2',
    ...(returnTo === undefined || returnTo === '' ? {} : { return_to: returnTo }),
  })
  return new ApiError({
    id: 'session_aal2_required',
    code: 403,
    message: 'Session does not fulfill the requested Authenticator Assurance Level',
    reason:
      'An active session was found but it does not fulfill the requested Authenticator Assurance Level. Please verify yourself with a second factor to resolve this issue.',
    details: { redirect_browser_to: url },
    extra: { redirect_browser_to: url },
  })
}
