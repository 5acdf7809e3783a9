type Requirement = Record<string, string[]>

/** Any one of the three proves a session (docs/security-model.md, section 2). */
const SESSION: Requirement[] = [{ sessionCookie: [] }, { sessionToken: [] }, { bearerToken: [] }]

const tagged = (tag: string, security?: Requirement[]) => (operationId: string, summary: string) =>
  ({ operationId, summary, tags: [tag], ...(security !== undefined && { security }) })

/** What the API document says of a route beside its schemas: its tag, and what its callers prove themselves by. */
export const about = {
  session: tagged('session', SESSION),
  flow: tagged('flows', [...SESSION, {}]),
  document: tagged('documents', SESSION),
  webhook: tagged('internal', [{ webhookBearer: [] }, { webhookKey: [] }]),
  operator: tagged('internal', [{ operatorKey: [] }]),
  metrics: tagged('operations', [{ metricsToken: [] }]),
  operation: tagged('operations'),
}
