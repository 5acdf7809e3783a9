import type { FastifyBaseLogger, FastifyError } from 'fastify'
import { createOncePer } from '../http/log-limits.js'
import { isRecord, NIL_UUID } from '../kratos-client/kratos-body.js'
import type { KeyFault } from './key.js'

/** What is wrong with the body of a delivery: the id of an identity that is not stored yet, or another template. */
export type BodyFault = 'nil_identity' | 'template'

const HOOK = "Kratos' web_hook"
/** The likely misconfiguration behind each refusal. */
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

/** Where the body is not as it should be; never what stands there. */
export const faultyFields = ({ validation }: FastifyError): string[] | undefined =>
  validation?.slice(0, MAX_FIELDS).map(({ instancePath, keyword, params }) =>
    keyword === 'required' ? `${instancePath}/${String(params['missingProperty'])}` : instancePath,
  )

/** What a failure says about the body; undefined where it is about something else. */
export function bodyFault (error: FastifyError | null | undefined, body: unknown): BodyFault | undefined {
  const isOfBody = error?.validation !== undefined || String(error?.code).startsWith('FST_ERR_CTP_')
  if (!isOfBody) return undefined
  const identity = isRecord(body) ? body['identity'] : undefined
  return isRecord(identity) && identity['id'] === NIL_UUID ? 'nil_identity' : 'template'
}

/** Logs what an operator should look at, once a minute for each kind: Kratos tells nobody that a hook was refused. */
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
