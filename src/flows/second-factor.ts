import type { Answer, Refusal } from '../kratos-client/answer.js'
import { errorMessageIds } from '../kratos-client/kratos-body.js'
import type { TryResult } from '../throttling/second-factor.js'

/** By Kratos' message: a wrong TOTP code, a wrong lookup code, a lookup code that was used already. */
const FACTOR_OF: Record<number, string> = { 4000008: 'totp', 4000016: 'lookup_secret', 4000012: 'lookup_secret' }

/** By Kratos' message: a code of a mail or a text message that is wrong, or was used already. */
const WRONG_CODE = 4010008

/** Of a refused step, the second factor that was wrong; undefined where none was. */
export const wrongFactor = ({ members }: Pick<Refusal, 'members'>): string | undefined =>
  errorMessageIds(members).map((id) => FACTOR_OF[id]).find((factor) => factor !== undefined)

const isWrong = (id: number): boolean => id in FACTOR_OF || id === WRONG_CODE

export function resultOfTry (answer: Answer): TryResult {
  if (answer.kind === 'ok') return answer.next === 'form' ? 'neither' : 'right'
  return answer.kind === 'refused' && errorMessageIds(answer.members).some(isWrong) ? 'wrong' : 'neither'
}
