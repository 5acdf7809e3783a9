import { durationMs } from '../../clock.js'
import type { Flow } from '../../flow/flow.js'
import { ExpiredError } from '../../flow/lifecycle.js'
import { badRequest } from '../../http/errors.js'
import type { Kratos } from '../../kratos.js'
import { newCode, newId } from '../../random.js'
import type { OneTimeCode } from '../../store/codes.js'

const setting = ({ config }: Kratos, key: string): unknown => config.selfservice.methods['code']?.config[key]

/** Lifetime of a code in milliseconds. */
export const codeLifespanMs = (kratos: Kratos): number => durationMs(String(setting(kratos, 'lifespan') ?? '1h'))

/** The same in whole minutes, for messages. */
export const codeMinutes = (kratos: Kratos): number => Math.trunc(codeLifespanMs(kratos) / 60_000)

/** Stores a new code for this flow. */
export function issueCode (
  kratos: Kratos,
  flow: Flow,
  owner: Pick<OneTimeCode, 'identityId' | 'address' | 'via'>,
  lifespanMs = codeLifespanMs(kratos),
): string {
  const secret = newCode()
  kratos.store.codes.add({
    id: newId(),
    kind: 'code',
    flowId: flow.id,
    ...owner,
    secret,
    used: false,
    expiresAt: kratos.clock.now() + lifespanMs,
  })
  return secret
}

/**
 * Uses a code. Every try counts, right or wrong, and a new code does not reset the count.
 * @param identityId if given, only codes of this identity count
 * @returns undefined for a wrong code
 * @throws ApiError 400 after `max_submissions` tries and for a used code; ExpiredError
 */
export function redeemCode (kratos: Kratos, flow: Flow, secret: string, identityId?: string): OneTimeCode | undefined {
  const { store, clock } = kratos
  if (store.flows.countTry(flow.id) > Number(setting(kratos, 'max_submissions') ?? 5)) {
    throw badRequest('The request was submitted too often. Please request another code.')
  }
  const code = store.codes.find(flow.id, 'code', secret)
  if (code === undefined || (identityId !== undefined && code.identityId !== identityId)) return undefined
  if (code.expiresAt < clock.now()) throw new ExpiredError(code.expiresAt)
  if (!store.codes.markUsed(code.id)) throw badRequest('The code was already used. Please request another code.')
  return code
}
