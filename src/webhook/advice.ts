import type { FastifyBaseLogger, FastifyError } from 'fastify'
import { createOncePer } from '../http/log-limits.js'
import { isRecord, NIL_UUID } from '../kratos-client/kratos-body.js'
import type { KeyFault } from './key.js'

/** `nil_identity`: not stored yet; `template`: the hook's body template is another one. */
export type BodyFault = 'nil_identity' | 'template'

const HOOK = "Kratos' web_hook"
const ADVICE: Record<KeyFault | BodyFault, string> = {
  missing: `${HOOK} sends no key: it wants auth api_key, in header, name Authorization, value 'Bearer <WEBHOOK_KEY>'`,
  wrong: `${HOOK} sends another key than WEBHOOK_KEY and WEBHOOK_KEY_PREVIOUS: Kratos and this service do not agree`,
  no_bearer: `${HOOK} sends its key in Authorization without 'Bearer ' in front of it`,
  nil_identity:
    `${HOOK} runs before the identity is stored, so its id is nil: take response.parse and can_interrupt away, ` +
    'and set response.ignore: true',
  template: `${HOOK} has a body template that sends something else than { identity: { id, traits, … } }, ` +
    'as kratos/user-created.jsonnet does',
}

const ONE_MINUTE_MS = 60_000
const MAX_FIELDS = 5

/** Names and rules only, never the values. */
export const faultyFields = ({ validation }: FastifyError): string[] | undefined =>
  validation?.slice(0, MAX_FIELDS).map(({ instancePath, keyword, params }) =>
    keyword === 'required' ? `${instancePath}/${String(params['missingProperty'])}` : instancePath,
  )

/** Undefined where the failure is about something else. */
export function bodyFault (error: FastifyError | null | undefined, body: unknown): BodyFault | undefined {
  const isOfBody = error?.validation !== undefined || String(error?.code).startsWith('FST_ERR_CTP_')
  if (!isOfBody) return undefined
  const identity = isRecord(body) ? body['identity'] : undefined
  return isRecord(identity) && identity['id'] === NIL_UUID ? 'nil_identity' : 'template'
}

/** Kratos tells nobody that a hook was refused: the operator hears of each kind once a minute. */
export function createAdvice () {
  const mayLog = createOncePer(ONE_MINUTE_MS)
  return (
    log: FastifyBaseLogger,
    reason: KeyFault | BodyFault,
    details: { fields?: string[] | undefined } = {},
  ): void => {
    if (!mayLog(reason)) return
    log.warn({ event: 'webhook_misconfigured', reason, ...details }, ADVICE[reason])
  }
}
