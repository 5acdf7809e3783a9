type Requirement = Record<string, string[]>

/** Any one of the three proves a session (docs/security-model.md, section 2). */
export const SESSION: Requirement[] = [{ sessionCookie: [] }, { sessionToken: [] }, { bearerToken: [] }]
export const SESSION_OR_NONE: Requirement[] = [...SESSION, {}]
export const WEBHOOK_KEY: Requirement[] = [{ webhookBearer: [] }, { webhookKey: [] }]
export const METRICS_TOKEN: Requirement[] = [{ metricsToken: [] }]
