import { isRecord, type JsonObject } from './kratos-body.js'

const HANDS_OUT_TOKEN = 'set_ory_session_token'
/** By its action or by what it holds: a step that is half broken must not leak the token either. */
const isTokenStep = (step: unknown): step is JsonObject =>
  isRecord(step) && (step['action'] === HANDS_OUT_TOKEN || Object.hasOwn(step, 'ory_session_token'))

/** Recording 02: `session_token`; recording 58: in `continue_with`. */
export function sessionToken (body: JsonObject): string | undefined {
  const steps = Array.isArray(body['continue_with']) ? body['continue_with'] : []
  const token = body['session_token'] ?? steps.find(isTokenStep)?.['ory_session_token']
  return typeof token === 'string' && token !== '' ? token : undefined
}

/** Scripts of the page must never see the token (B26). An emptied `continue_with` is null, as Kratos writes it. */
export function withoutSessionToken (body: JsonObject): JsonObject {
  const { session_token: _, ...rest } = body
  if (rest['continue_with'] == null) return rest
  if (!Array.isArray(rest['continue_with'])) return { ...rest, continue_with: null }
  const steps = rest['continue_with'].filter((step) => !isTokenStep(step))
  return { ...rest, continue_with: steps.length > 0 ? steps : null }
}

/** RFC 3339, if the answer says so. */
export function sessionExpiry (body: JsonObject): string | undefined {
  const expiresAt = isRecord(body['session']) ? body['session']['expires_at'] : undefined
  return typeof expiresAt === 'string' ? expiresAt : undefined
}
