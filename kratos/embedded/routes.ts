import { courierRoutes } from './admin/courier.js'
import { adminHealthRoutes, healthRoutes } from './admin/health.js'
import { identityRoutes } from './admin/identities.js'
import { adminRecoveryRoutes } from './admin/recovery.js'
import { schemaRoutes } from './admin/schemas.js'
import { adminSessionRoutes } from './admin/sessions.js'
import { errorRoutes } from './flows/errors/routes.js'
import { loginRoutes } from './flows/login/routes.js'
import { logoutRoutes } from './flows/logout/routes.js'
import { recoveryRoutes } from './flows/recovery/routes.js'
import { registrationRoutes } from './flows/registration/routes.js'
import { settingsRoutes } from './flows/settings/routes.js'
import { verificationRoutes } from './flows/verification/routes.js'
import type { Route } from './http/router.js'
import { oidcRoutes } from './methods/oidc/callback.js'
import { scriptRoutes } from './methods/webauthn/script.js'
import { redirectsOnAdmin, redirectsOnPublic } from './redirects.js'
import { sessionRoutes } from './session/routes.js'

export const publicRoutes: Route[] = [
  ...registrationRoutes,
  ...loginRoutes,
  ...logoutRoutes,
  ...recoveryRoutes,
  ...verificationRoutes,
  ...settingsRoutes,
  ...oidcRoutes,
  ...errorRoutes,
  ...sessionRoutes,
  ...schemaRoutes,
  ...healthRoutes,
  ...redirectsOnPublic,
  ...scriptRoutes,
]

/** Everything is under /admin here; the listener adds the prefix to requests without it. */
export const adminRoutes: Route[] = [
  ...identityRoutes,
  ...adminSessionRoutes,
  ...adminRecoveryRoutes,
  ...courierRoutes,
  ...adminHealthRoutes,
  ...redirectsOnAdmin,
]
