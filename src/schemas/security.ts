/** Names of the security schemes of the OpenAPI document, as routes refer to them. */
type Requirement = Record<string, string[]>

/** A session, proved by any one of the three (docs/security-model.md, section 2). */
export const SESSION: Requirement[] = [{ sessionCookie: [] }, { sessionToken: [] }, { bearerToken: [] }]
/** The same where a visitor is served too. */
export const SESSION_OR_NONE: Requirement[] = [...SESSION, {}]
export const WEBHOOK_KEY: Requirement[] = [{ webhookBearer: [] }, { webhookKey: [] }]
export const METRICS_TOKEN: Requirement[] = [{ metricsToken: [] }]
