import type { Answer } from '../kratos-client/answer.js'
import { errorMessageIds } from '../kratos-client/kratos-body.js'
import type { TryResult } from '../throttling/second-factor.js'

/** A wrong TOTP code, a wrong lookup code, a lookup code that was used already. */
const WRONG_FACTOR = new Set([4000008, 4000016, 4000012])

export function resultOfTry (answer: Answer): TryResult {
  if (answer.kind === 'ok') return answer.next === 'form' ? 'neither' : 'right'
  const isWrong = answer.kind === 'refused' && errorMessageIds(answer.members).some((id) => WRONG_FACTOR.has(id))
  return isWrong ? 'wrong' : 'neither'
}
